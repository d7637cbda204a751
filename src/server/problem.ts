/**
 * Error answers, RFC 9457: whatever goes wrong becomes `application/problem+json` with a `detail` a person can act on.
 *
 *   PR1  a Refusal is told as it is; a validation failure names every bad field;
 *   PR2  anything else is a 500 that tells a correlation id and nothing more: the log holds the rest under that id;
 *   PR3  an error answer is small, whatever a client has sent: each text of it has a length, and the list an end.
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Logger } from 'pino';
import { z } from 'zod';
import { parseBounded } from '../contract/bounded-parse.ts';
import { type FieldError, invalid, Refusal, refusalTable } from '../contract/failures.ts';
import { toFieldErrors } from '../contract/field-errors.ts';

export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'a URN per code: `urn:hybrid-engine:not_found`' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'what happened and the way out' }),
    code: z.enum([...(Object.keys(refusalTable) as [keyof typeof refusalTable]), 'INTERNAL']),
    instance: z.string().optional().meta({ description: 'the correlation id of an unexpected error' }),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' });
export type Problem = z.infer<typeof problemSchema>;

export const problemMediaType = 'application/problem+json; charset=utf-8';

/** As many as the checks of a definition name; each of them, and the text that begins the answer, is read by a person. */
const errorsMax = 100;
const errorLengthMax = 300;
const detailLengthMax = 1_000;

export interface ProblemAnswer {
  problem: Problem;
  headers: Record<string, string>;
}

/** A refusal that also sets response headers. */
export class RefusalWithHeaders extends Refusal {
  readonly headers: Record<string, string>;

  constructor(data: ConstructorParameters<typeof Refusal>[0], headers: Record<string, string>) {
    super(data);
    this.headers = headers;
  }
}

export function toProblemAnswer(error: unknown, log: Logger): ProblemAnswer {
  if (error instanceof Refusal) {
    const headers = error instanceof RefusalWithHeaders ? { ...error.headers } : {};
    if (error.retryAfterSeconds !== undefined) headers['Retry-After'] = String(Math.ceil(error.retryAfterSeconds));
    return { problem: toProblem(error), headers };
  }
  const correlationId = randomUUID();
  log.error({ err: error, correlationId }, 'request failed unexpectedly');
  return {
    problem: {
      type: 'urn:hybrid-engine:internal',
      title: STATUS_CODES[500] ?? 'Internal error',
      status: 500,
      detail: `Something unexpected went wrong; the server's log tells more under ${correlationId}`,
      code: 'INTERNAL',
      instance: `urn:uuid:${correlationId}`,
    },
    headers: {},
  };
}

export function toProblem(refusal: Refusal): Problem {
  return {
    type: `urn:hybrid-engine:${refusal.code.toLowerCase()}`,
    title: refusalTable[refusal.code].title,
    status: refusal.status,
    detail: cut(refusal.detail, detailLengthMax),
    code: refusal.code,
    ...(refusal.errors ? { errors: toBoundedErrors(refusal.errors) } : {}),
  };
}

/** PR3. One more entry says how many were left out. */
function toBoundedErrors(errors: readonly FieldError[]): FieldError[] {
  const shown = errors.slice(0, errors.length > errorsMax + 1 ? errorsMax : errorsMax + 1).map(({ path, message }) => ({
    path: cut(path, errorLengthMax),
    message: cut(message, errorLengthMax),
  }));
  const left = errors.length - shown.length;
  return left > 0 ? [...shown, { path: '', message: `and ${left} more` }] : shown;
}

/** At most `lengthMax` characters, the last one an ellipsis where something was cut; no character is cut in two. */
function cut(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  return `${text.slice(0, lengthMax - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** The value as the schema gives it, or a Refusal that names what is wrong with it. */
export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown, subject: string): z.output<Schema> {
  const result = parseBounded(schema, value);
  if (!result.success) throw invalid(`${subject} is not valid`, toFieldErrors(result.error.issues));
  return result.data;
}

/** Part of what a client sent, fit for a message: 64 characters, control characters made visible. */
export function quoted(text: string): string {
  const cut = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return cut.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
