/** Pieces that the pages of the OpenAPI document share: error answers, JSON answers, examples. */
import { z } from 'zod';
import type { ZodOpenApiResponseObject, ZodOpenApiResponsesObject } from 'zod-openapi';
import { type RefusalCode, refusalTable } from '../contract/failures.ts';
import { problemSchema } from './problem.ts';

export const workflowIdPath = z.object({
  id: z.string().meta({ format: 'uuid', description: 'the id of a workflow' }),
});

export const exampleWorkflowId = '3f2c8f52-6d3c-4a6e-9d5b-0c8f3a1e7b10';

const errorTexts: Partial<Record<RefusalCode, string>> = {
  BAD_JSON: 'the body is not JSON, or is missing',
  UNAUTHORIZED: 'API_TOKEN is set and the call does not carry it',
  FORBIDDEN: 'the Origin is not allowed',
  NOT_FOUND: 'there is no such thing',
  CONFLICT: 'the status does not allow it',
  SET_ASIDE: 'the workflow was found damaged and set aside',
  TOO_LARGE: 'the body is larger than the call allows',
  UNSUPPORTED_MEDIA_TYPE: 'the body is not `application/json`',
  MISDIRECTED: 'the Host is not one that is answered',
  INVALID: '`errors` names every bad field',
  TOO_MANY: 'too many at once; Retry-After tells when to come back',
  BUSY: 'busy, starting or stopping; Retry-After tells when to come back',
  DISK_FULL: 'the disk is full; reading goes on',
};

/** Every call can meet these; INVALID for a query parameter that it does not know. */
const everywhere: readonly RefusalCode[] = ['UNAUTHORIZED', 'FORBIDDEN', 'MISDIRECTED', 'BUSY', 'INVALID'];
/** Every call with a body can meet these. */
export const bodyRefusals: readonly RefusalCode[] = ['BAD_JSON', 'TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'INVALID'];
/** Every call that changes a workflow can meet these. */
export const changeRefusals: readonly RefusalCode[] = [...bodyRefusals, 'DISK_FULL'];
export const workflowRefusals: readonly RefusalCode[] = ['NOT_FOUND', 'SET_ASIDE'];

export function refusals(...codes: RefusalCode[]): ZodOpenApiResponsesObject {
  const answers: ZodOpenApiResponsesObject = {};
  for (const code of new Set<RefusalCode>([...codes, ...everywhere])) {
    const { status, title } = refusalTable[code];
    answers[`${status}` as `4${string}`] = {
      description: errorTexts[code] ?? title,
      content: {
        'application/problem+json': {
          schema: problemSchema,
          example: {
            type: `urn:hybrid-engine:${code.toLowerCase()}`,
            title,
            status,
            detail:
              code === 'NOT_FOUND' ? `Workflow with ID ${exampleWorkflowId} not found` : (errorTexts[code] ?? title),
            code,
          },
        },
      },
    };
  }
  return answers;
}

export function jsonAnswer(
  description: string,
  schema: z.ZodType,
  headers: Record<string, string> = {},
): ZodOpenApiResponseObject {
  return {
    description,
    content: { 'application/json': { schema } },
    ...(Object.keys(headers).length > 0 ? { headers: namedHeaders(headers) } : {}),
  };
}

/** Headers of an answer by their names, each with what it tells. */
export function namedHeaders(texts: Record<string, string>): NonNullable<ZodOpenApiResponseObject['headers']> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, description]) => [name, { description, schema: { type: 'string' as const } }]),
  );
}

/** Of every answer to a POST. */
export const replayedHeader = { 'Idempotency-Replayed': '`true` when the Idempotency-Key met an earlier call' };

/** For calls that take no body: none, or an empty object. */
export const emptyBody = {
  required: false,
  content: { 'application/json': { schema: z.strictObject({}), example: {} } },
};
