/**
 * A request's body: JSON and nothing else. koa-body reads and parses it; beside it each byte is looked at as it comes.
 *
 *   BO1  the media type is exactly `application/json` (`charset=utf-8` allowed), so that no form and no "simple"
 *       cross-site request reaches a handler; content codings are refused, so that no body grows on the way in;
 *   BO2  bytes are counted as they come: neither Content-Length nor its absence is believed;
 *   BO3  depth, tokens, keys and UTF-8 are checked before anything is built from the bytes;
 *   BO4  a number that cannot be held is null where it would be infinite, and all of them are told with their text.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { TextDecoder } from 'node:util';
import type { Context, Middleware } from 'koa';
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
import { JsonScan, type ScanBounds, type ScanFinding, scanJson } from './json-scan.ts';
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
  await receive(ctx, bounds);
  const { body: parsed, rawBody: text } = ctx.request as { body?: unknown; rawBody: string };
  if (text === '') return undefined;
  const body = withFiniteNumbers(ctx, parsed, text, place);
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
export function parseRaw(ctx: Context, bytes: Buffer, bounds: BodyBounds, place: string): unknown {
  if (bytes.length === 0) throw new Refusal({ code: 'BAD_REQUEST', detail: 'This call needs JSON as its body' });
  const text = checked(() => strictUtf8().decode(bytes));
  const finding = scanJson(bytes, bounds);
  if (finding !== null) throw toRefusal(finding, bounds);
  try {
    return withFiniteNumbers(ctx, JSON.parse(text), text, place);
  } catch (error) {
    throw toBodyError(error);
  }
}

/** BO4. `text` is what `parsed` was made of. */
function withFiniteNumbers(ctx: Context, parsed: unknown, text: string, place: string): unknown {
  const lost = findLostNumbers(text, place);
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

/** The bytes as they are. */
async function readBytes(
  request: IncomingMessage,
  response: ServerResponse,
  { bytesMax, hold }: { bytesMax: number; hold: HeldMemory },
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  checkLength(Number(request.headers['content-length'] ?? 0), bytesMax);
  await new Promise<void>((resolve, reject) => {
    watch(request, { bytesMax, hold, reject, see: (chunk) => void chunks.push(chunk), end: resolve });
    tellToSend(request, response);
  });
  return Buffer.concat(chunks);
}

/**
 * koa-body's middleware puts the body into `ctx.request`. What it would hand on is watched beside it, and first: what is
 * refused is not parsed, and the rest of it not waited for.
 */
async function receive(ctx: Context, bounds: BodyBounds): Promise<void> {
  const decoder = strictUtf8();
  const scan = new JsonScan(bounds);
  const { bytesMax } = bounds;
  checkLength(Number(ctx.req.headers['content-length'] ?? 0), bytesMax);
  const refused = new Promise<never>((_, reject) => {
    const see = (chunk: Buffer) => {
      checked(() => decoder.decode(chunk, { stream: true }));
      const finding = scan.write(chunk);
      if (finding !== null) throw toRefusal(finding, bounds);
    };
    watch(ctx.req, { bytesMax, hold: holdOf(ctx), reject, see, end: () => void checked(() => decoder.decode()) });
  });
  // It is `identity`, and the parser knows that in small letters alone.
  delete ctx.req.headers['content-encoding'];
  // In the turn in which the watch begins: no byte comes between.
  const parsed = parserOf(bytesMax)(ctx, async () => {}).catch((error: unknown) => Promise.reject(toBodyError(error)));
  tellToSend(ctx.req, ctx.res);
  await Promise.race([parsed, refused]);
}

interface Watch {
  readonly bytesMax: number;
  readonly hold: HeldMemory;
  /** Gets each chunk within the bounds, and may refuse it by throwing. */
  readonly see: (chunk: Buffer) => void;
  readonly end: () => void;
  readonly reject: (error: unknown) => void;
}

/** BO2. Calls `end` after the last byte, or `reject` once: then no byte comes any more. */
function watch(request: IncomingMessage, { bytesMax, hold, see, end, reject }: Watch): void {
  let length = 0;
  const settle = () => request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
  const tried = (action: () => void) => {
    try {
      action();
    } catch (refusal) {
      request.pause();
      settle();
      reject(refusal);
    }
  };
  const onData = (chunk: Buffer) => {
    tried(() => {
      length += chunk.length;
      checkLength(length, bytesMax);
      hold.takeBody(length);
      see(chunk);
    });
  };
  const onEnd = () => {
    settle();
    tried(end);
  };
  const onClose = () => {
    settle();
    reject(new ClientGoneError());
  };
  request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
}

function checkLength(length: number, bytesMax: number): void {
  if (length <= bytesMax) return;
  throw new Refusal({ code: 'TOO_LARGE', detail: `The body of this call may hold at most ${bytesMax} bytes` });
}

/** Only now is the client that asked first told to send: what the guard refuses is never sent at all. */
function tellToSend(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect !== undefined) response.writeContinue();
}

function strictUtf8(): TextDecoder {
  return new TextDecoder('utf-8', { fatal: true });
}

function checked(decode: () => string): string {
  try {
    return decode();
  } catch {
    throw new Refusal({ code: 'BAD_JSON', detail: 'The body is not valid UTF-8: encode it as UTF-8' });
  }
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

/** By the bytes that a body may have. */
const parsers = new Map<number, Middleware>();

function parserOf(bytesMax: number): Middleware {
  const known = parsers.get(bytesMax);
  if (known !== undefined) return known;
  const parser = koaBody({
    json: true,
    jsonTypes: ['application/json'],
    // Primitives get through the parser and are refused above with everything else that is not an object.
    jsonStrict: false,
    jsonLimit: bytesMax,
    includeUnparsed: true,
    text: false,
    urlencoded: false,
    multipart: false,
    parsedMethods: [HttpMethodEnum.POST, HttpMethodEnum.DELETE],
  });
  parsers.set(bytesMax, parser);
  return parser;
}

/** What a parser has thrown, as what the client is told. */
function toBodyError(error: unknown): unknown {
  if (error instanceof SyntaxError) {
    return new Refusal({ code: 'BAD_JSON', detail: `The body is not JSON: ${quoted(error.message)}` });
  }
  // raw-body: the client went away in the midst of it.
  const { type } = error as { type?: unknown };
  return type === 'request.aborted' || type === 'request.size.invalid' ? new ClientGoneError() : error;
}
