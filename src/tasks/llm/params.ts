/** The params of the model actions, and the request that they become. */
import { z } from 'zod';
import { findSchemaFault, type JsonFormat } from './json-answer.ts';
import type { ProviderWays } from './provider.ts';

const charactersMax = 8 * 1024 * 1024;

const message = z.looseObject({
  role: z.string().min(1).max(64),
  content: z.union([z.string().max(charactersMax), z.array(z.looseObject({ type: z.string() })), z.null()]).optional(),
});

const schemaFormat = z.union([
  z.looseObject({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject({ name: z.string().optional(), schema: z.record(z.string(), z.unknown()) }),
  }),
]);

const responseFormat = z.union([
  z.enum(['text', 'json_object']),
  z.strictObject({ type: z.enum(['text', 'json_object']) }),
  schemaFormat,
]);

export const commonFields = {
  prompt: z
    .string()
    .min(1)
    .max(charactersMax)
    .optional()
    .meta({ description: 'What the user says. Either this or messages.' }),
  messages: z
    .array(message)
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: 'The conversation, as `{role, content}`. Either this or prompt.' }),
  system: z
    .string()
    .min(1)
    .max(charactersMax)
    .optional()
    .meta({ description: 'Goes before the rest as a message of the role system.' }),
  model: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, 'must be the name of a model')
    .optional()
    .meta({ description: "The model's name; the provider's default where it is not given." }),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .optional()
    .meta({ description: 'From 0 to 2; the provider decides when absent.' }),
  max_tokens: z
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .meta({ description: 'Upper bound of the answer in tokens; an answer that it cuts is marked as truncated.' }),
  seed: z
    .int()
    .optional()
    .meta({ description: 'Asks for the same answer to the same request, as far as the provider can.' }),
  stop: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(16)])
    .optional()
    .meta({ description: 'Texts at which the answer ends.' }),
  response_format: responseFormat.optional().meta({
    description:
      '`text`, `json_object`, or `{type: "json_schema", schema}`: a JSON answer is parsed into outputs.json and checked against the schema.',
  }),
  stream: z.boolean().default(false).meta({
    description:
      "Whether the provider sends the answer piece by piece, and the workflow's events tell it so (step.tokens).",
  }),
  extra: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'Further fields of the request, passed on as they are. So are fields not named here.' }),
};

/** Of the action `chat` alone; anywhere else they would be passed on to a server that has no use for them. */
const chatFields = ['base_url', 'api_key_env'];
/** A key in a step's params would stand in state.json. */
const keyFields = ['api_key', 'apiKey', 'authorization', 'headers'];
const ownFields = new Set([...Object.keys(commonFields), ...chatFields, ...keyFields]);

const common = z.looseObject(commonFields);
export type ChatParams = z.infer<typeof common>;

export const providerParams = common.superRefine(checkProviderFields);

export function checkProviderFields(params: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  checkFields(params, context);
  for (const name of chatFields) {
    if (name in params) context.addIssue({ code: 'custom', path: [name], message: 'is a param of the action chat' });
  }
}

export function checkFields(params: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  if ((params.prompt === undefined) === (params.messages === undefined)) {
    context.addIssue({ code: 'custom', path: ['prompt'], message: 'give either prompt or messages' });
  }
  const { response_format: given } = params;
  const format = given === undefined ? undefined : responseFormat.safeParse(given).data;
  const fault = format !== undefined && isSchemaFormat(format) ? findSchemaFault(schemaOf(format).schema) : null;
  if (fault !== null) {
    context.addIssue({
      code: 'custom',
      path: ['response_format'],
      message: `holds a schema that is not usable: ${fault}`,
    });
  }
  for (const name of keyFields) {
    if (name in params) {
      context.addIssue({ code: 'custom', path: [name], message: 'is not taken: keys are settings of the engine' });
    }
  }
  for (const name of Object.keys((params.extra ?? {}) as object)) {
    if (ownFields.has(name)) {
      context.addIssue({ code: 'custom', path: ['extra', name], message: 'cannot stand in extra' });
    }
  }
}

export function jsonFormatOf({ response_format: format }: ChatParams): JsonFormat | null {
  if (format === undefined) return null;
  const type = typeof format === 'string' ? format : format.type;
  if (type === 'text') return null;
  return { schema: isSchemaFormat(format) ? schemaOf(format).schema : null };
}

type RequestBody = Record<string, unknown> & { model: string };

/** The body of the request; fields of the engine's own (`prompt`, `system`, `extra`, …) have become the provider's. */
export function toRequestBody(
  params: ChatParams,
  model: string,
  { takesJsonSchema, maxTokensField }: ProviderWays,
): RequestBody {
  const { prompt, messages = [], system, max_tokens, response_format, stream, extra = {}, ...rest } = params;
  const {
    base_url: _baseUrl,
    api_key_env: _apiKeyEnv,
    model: _model,
    stream_options,
    ...passed
  } = { ...extra, ...rest };
  const format = toFormat(response_format, takesJsonSchema);
  const instructions = [...(system === undefined ? [] : [system]), ...format.instructions];
  return {
    ...passed,
    model,
    messages: [
      ...instructions.map((content) => ({ role: 'system', content })),
      ...(prompt === undefined ? messages : [{ role: 'user', content: prompt }]),
    ],
    ...(max_tokens === undefined ? {} : { [maxTokensField(model)]: max_tokens }),
    ...(format.field === undefined ? {} : { response_format: format.field }),
    ...(stream ? { stream: true, stream_options: { ...(stream_options as object), include_usage: true } } : {}),
  };
}

function toFormat(format: ChatParams['response_format'], takesJsonSchema: boolean) {
  if (format === undefined) return { field: undefined, instructions: [] };
  if (!isSchemaFormat(format)) {
    return { field: typeof format === 'string' ? { type: format } : format, instructions: [] };
  }
  const asked = schemaOf(format);
  if (takesJsonSchema) {
    return { field: { type: 'json_schema', json_schema: { name: 'answer', ...asked } }, instructions: [] };
  }
  return {
    field: { type: 'json_object' },
    instructions: [`Answer with JSON alone, that fits this JSON Schema: ${JSON.stringify(asked.schema)}`],
  };
}

type SchemaFormat = z.infer<typeof schemaFormat>;

function isSchemaFormat(format: NonNullable<ChatParams['response_format']>): format is SchemaFormat {
  return typeof format !== 'string' && format.type === 'json_schema';
}

/** The provider's own form wraps the schema once more; both are taken. */
function schemaOf(format: SchemaFormat): { schema: Record<string, unknown> } {
  if ('json_schema' in format) return format.json_schema as { schema: Record<string, unknown> };
  const { type: _type, ...asked } = format;
  return asked;
}
