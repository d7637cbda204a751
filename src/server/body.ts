/**
 * A request's body: JSON and nothing else, checked byte by byte before it is parsed.
 *
 *   BO1  the media type is exactly `application/json` (`charset=utf-8` allowed), so that no form and no "simple"
 *       cross-site request reaches a handler; content codings are refused, so that no body grows on the way in;
 *   BO2  bytes are counted as they come: neither Content-Length nor its absence is believed;
 *   BO3  depth, tokens, keys and UTF-8 are checked before anything is built from the bytes;
 *   BO4  a number that cannot be held is null where it would be infinite, and all of them are told with their text.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { HttpMethodEnum, koaBody } from 'koa-body';
import { invalid, Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import {
  findLostNumbers,
  type LostNumbers,
  mayHoldInfinity,
  noLostNumbers,
  withoutInfinities,
} from '../contract/lost-numbers.ts';
import type { HeldMemory } from './answer-memory.ts';
import { ClientGoneError } from './client-gone.ts';
import { type ScanBounds, type ScanFinding, scanJson } from './json-scan.ts';
import { quoted } from './problem.ts';
import { holdOf } from './route.ts';

export interface BodyBounds extends ScanBounds {
  bytesMax: number;
}

export function announcesBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) !== 0);
}

/**
 * The body as an object; undefined when there is none. `place` stands before the paths of its lost numbers: where the
 * body is found in what is made of it.
 */
export async function readJsonObject(
  ctx: Context,
  bounds: BodyBounds,
  place = '',
): Promise<Record<string, unknown> | undefined> {
  checkHeaders(ctx.req);
  if (!announcesBody(ctx.req)) return undefined;
  const bytes = await readBytes(ctx.req, ctx.res, { bytesMax: bounds.bytesMax, hold: holdOf(ctx) });
  if (bytes.length === 0) return undefined;
  const body = await parseRaw(ctx, bytes, bounds, place);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid('The body is not valid', [{ path: '', message: 'must be a JSON object: {"name": value, ...}' }]);
  }
  return body as Record<string, unknown>;
}

/** BO4: those of the body that was read last, none where none was read. */
export function lostNumbersOf(ctx: Context): LostNumbers {
  return (ctx.state.lostNumbers as LostNumbers | undefined) ?? noLostNumbers;
}

export async function requireJsonObject(ctx: Context, bounds: BodyBounds): Promise<Record<string, unknown>> {
  const body = await readJsonObject(ctx, bounds);
  if (body !== undefined) return body;
  throw new Refusal({
    code: 'BAD_REQUEST',
    detail: 'This call needs a JSON object as its body, with Content-Type: application/json',
  });
}

/** For calls that take no body: none, or an empty object. */
export async function refuseBody(ctx: Context, bounds: BodyBounds): Promise<void> {
  const body = await readJsonObject(ctx, bounds);
  const errors = Object.keys(body ?? {}).map((key) => ({ path: quoted(key), message: 'is not a known field' }));
  if (errors.length > 0) throw invalid('The body of a call that takes none is not valid', errors);
}

const yamlMediaType = 'application/yaml';

/**
 * The body as text, JSON or YAML, which the engine reads itself to tell the place of each fault. What would be a "simple"
 * cross-site request is refused here too (BO1); depth and keys are bounded where the text is read.
 */
export async function requireText(ctx: Context, { bytesMax }: Pick<BodyBounds, 'bytesMax'>): Promise<string> {
  checkHeaders(ctx.req, ['application/json', yamlMediaType]);
  const bytes = announcesBody(ctx.req)
    ? await readBytes(ctx.req, ctx.res, { bytesMax, hold: holdOf(ctx) })
    : Buffer.alloc(0);
  if (bytes.length === 0) throw new Refusal({ code: 'BAD_REQUEST', detail: 'This call needs a body: JSON, or YAML' });
  if (!isUtf8(bytes)) throw new Refusal({ code: 'BAD_REQUEST', detail: 'The body is not UTF-8' });
  return bytes.toString('utf8');
}

/** The bytes of a JSON body as they came, at most `bytesMax`; none where there is no body. Nothing of them is looked at. */
export async function readRaw(ctx: Context, { bytesMax }: Pick<BodyBounds, 'bytesMax'>): Promise<Buffer> {
  checkHeaders(ctx.req);
  if (!announcesBody(ctx.req)) return Buffer.alloc(0);
  return readBytes(ctx.req, ctx.res, { bytesMax, hold: holdOf(ctx) });
}

/** Such bytes as JSON of any kind, within the bounds of bodies (BO3, BO4). `place` stands before the paths of lost numbers. */
export async function parseRaw(ctx: Context, bytes: Buffer, bounds: BodyBounds, place: string): Promise<unknown> {
  if (bytes.length === 0) throw new Refusal({ code: 'BAD_REQUEST', detail: 'This call needs JSON as its body' });
  checkBytes(bytes, bounds);
  const parsed = await parse(ctx, bytes, bounds.bytesMax);
  const lost = findLostNumbers(bytes.toString(), place);
  ctx.state.lostNumbers = lost;
  return mayHoldInfinity(lost) ? withoutInfinities(parsed) : parsed;
}

/** BO1 alone, for who looks at other headers before the body. */
export function requireJsonType(ctx: Context): void {
  checkHeaders(ctx.req);
}

function checkHeaders(request: IncomingMessage, types = ['application/json']): void {
  const coding = request.headers['content-encoding'];
  if (coding !== undefined && coding.trim().toLowerCase() !== 'identity') {
    throw new Refusal({
      code: 'UNSUPPORTED_MEDIA_TYPE',
      detail: `Content-Encoding ${quoted(coding)} is not accepted: send the body as it is`,
    });
  }
  const type = request.headers['content-type'];
  if (type === undefined && !announcesBody(request)) return;
  if (type === undefined || !types.some((one) => isMediaType(type, one))) {
    const given = type === undefined ? 'none' : quoted(type);
    throw new Refusal({
      code: 'UNSUPPORTED_MEDIA_TYPE',
      detail: `The Content-Type must be ${types.join(' or ')} (charset=utf-8 allowed); it was: ${given}`,
    });
  }
}

function isMediaType(type: string, wanted: string): boolean {
  const [media, ...parameters] = type.split(';').map((part) => part.trim().toLowerCase());
  return media === wanted && parameters.every((each) => /^charset="?utf-8"?$/.test(each));
}

function readBytes(
  request: IncomingMessage,
  response: ServerResponse,
  { bytesMax, hold }: { bytesMax: number; hold: HeldMemory },
): Promise<Buffer> {
  const tooLarge = () =>
    new Refusal({ code: 'TOO_LARGE', detail: `The body of this call may hold at most ${bytesMax} bytes` });
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (finish: () => void) => {
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      finish();
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      try {
        if (length > bytesMax) throw tooLarge();
        hold.takeBody(length);
        chunks.push(chunk);
      } catch (refusal) {
        request.pause();
        settle(() => reject(refusal));
      }
    };
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks, length)));
    const onClose = () => settle(() => reject(new ClientGoneError()));
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    // Only now is the client that asked first told to send: what the guard refuses is never sent at all.
    if (request.headers.expect !== undefined) response.writeContinue();
  });
}

function checkBytes(bytes: Buffer, bounds: BodyBounds): void {
  if (!isUtf8(bytes)) {
    throw new Refusal({ code: 'BAD_JSON', detail: 'The body is not valid UTF-8: encode it as UTF-8' });
  }
  const finding = scanJson(bytes, bounds);
  if (finding === null) return;
  throw toRefusal(finding, bounds);
}

function toRefusal(finding: ScanFinding, bounds: BodyBounds): Refusal {
  const tooLarge = (what: string) =>
    new Refusal({ code: 'TOO_LARGE', detail: `The body of this call may hold ${what}` });
  const bad = (path: string, message: string) => invalid('The body is not valid', [{ path, message }]);
  switch (finding.kind) {
    case 'too_many_tokens':
      return tooLarge(`at most ${bounds.tokensMax} JSON tokens: send less at once`);
    case 'too_many_keys':
      return tooLarge(`at most ${bounds.keysMax} keys, the fields of steps aside: send long lists as arrays or text`);
    case 'too_many_keys_in_one':
      return tooLarge(`at most ${bounds.keysOfOneMax} keys in one object: send long lists as arrays or text`);
    case 'too_many_steps':
      return bad('steps', `there can be at most ${bounds.stepsMax} steps`);
    case 'too_deep':
      return bad('', `is nested deeper than ${limits.jsonDepthMax} levels`);
    case 'refused_key':
      return bad('', `holds the key "${finding.key}", which is not allowed at any depth: rename it`);
    default: {
      const never: never = finding;
      throw new Error(`unknown finding ${JSON.stringify(never)}`);
    }
  }
}

const parseBody = koaBody({
  json: true,
  jsonTypes: ['application/json'],
  // Primitives get through the parser and are refused above with everything else that is not an object.
  jsonStrict: false,
  text: false,
  urlencoded: false,
  multipart: false,
  jsonLimit: Number.MAX_SAFE_INTEGER,
  parsedMethods: [HttpMethodEnum.POST, HttpMethodEnum.DELETE],
});

/** Hands koa-body the bytes that were checked, in place of the stream they came from. */
async function parse(ctx: Context, bytes: Buffer, bytesMax: number): Promise<unknown> {
  const source = Object.assign(Readable.from([bytes], { objectMode: false, highWaterMark: bytesMax }), { headers: {} });
  const stand: Context = Object.create(ctx, { req: { value: source } });
  try {
    await parseBody(stand, async () => {});
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new Refusal({ code: 'BAD_JSON', detail: `The body is not JSON: ${quoted(error.message)}` });
    }
    throw error;
  }
  return ctx.request.body;
}
