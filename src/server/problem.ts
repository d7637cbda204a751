/**
 * Error answers, RFC 9457: whatever goes wrong becomes `application/problem+json` with a `detail` a person can act on.
 *
 *   PR1  a Refusal is told as it is; a validation failure names every bad field;
 *   PR2  anything else is a 500 that tells a correlation id and nothing more: the log holds the rest under that id.
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Logger } from 'pino';
import { z } from 'zod';
import { parseBounded } from '../contract/bounded-parse.ts';
import { invalid, Refusal, refusalTable } from '../contract/failures.ts';
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
    detail: refusal.detail,
    code: refusal.code,
    ...(refusal.errors ? { errors: refusal.errors } : {}),
  };
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
