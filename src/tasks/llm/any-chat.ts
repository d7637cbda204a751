/**
 * `any_chat`: a model of the provider that params name, or of the first that is set up; and where there is none, the text that
 * the step has brought along (`otherwise`). So a template works with whatever its user has, and says which it was.
 */
import { z } from 'zod';
import type { JsonObject } from '../../contract/json.ts';
import { type Task, type TaskContext, TaskFailure, type TaskResult } from '../../contract/task.ts';
import { chat } from './chat.ts';
import { endpointSettings, providers } from './endpoint.ts';
import { readJsonAnswer } from './json-answer.ts';
import { type ChatParams, checkProviderFields, commonFields, jsonFormatOf } from './params.ts';
import { isUnread } from './planned-call.ts';
import { modelTimeoutMs } from './provider.ts';
import { providerTasks } from './provider-task.ts';

type Secrets = Readonly<Record<string, string>>;

/** The server that CHAT_BASE_URL names; never chosen by itself, since it has no model of its own. */
const own = 'chat';
const names = providers.map(({ name }) => name);

const params = z
  .looseObject({
    ...commonFields,
    model: z
      .union([z.literal(''), commonFields.model.unwrap()])
      .optional()
      .meta({
        description: "The model's name; the provider's default where it is not given or empty.",
      }),
    provider: z
      .enum(['auto', ...names, own])
      .default('auto')
      .meta({
        description: `Who is asked: ${names.join(', ')}, ${own} (the server of CHAT_BASE_URL), or auto: the first of ${names.join(', ')} that has a key or an address of its own.`,
      }),
    otherwise: z.string().optional().meta({
      description: 'What the step gives where nobody is set up. Without it the step fails then.',
    }),
  })
  .superRefine((given, context) => {
    checkProviderFields(given, context);
    if (given.provider === own && !given.model) {
      context.addIssue({ code: 'custom', path: ['model'], message: 'has to be named for a server of your own' });
    }
  });
type Params = z.infer<typeof params>;

interface Choice {
  readonly task: Task<never>;
  readonly asked: ChatParams;
}

export const anyChat: Task<Params> = {
  action: 'any_chat',
  lane: 'io',
  description: `Asks a model of the provider that params name, or of the first that is set up (${names.join(', ')}). Where nobody is, it gives the text of otherwise; answered_by says which it was.`,
  params,
  secrets: endpointSettings,
  goesOut: true,
  timeoutMs: modelTimeoutMs,
  staysHome: (written, secrets) => choose(toGiven(written), secrets) === null,
  callsModel(written, secrets) {
    if (isUnread(written.provider)) return 'unread';
    const choice = choose(toGiven(written), secrets);
    return choice?.task.callsModel?.(choice.asked as JsonObject, secrets) ?? null;
  },
  async run(given, context) {
    const choice = choose(given, context.secrets);
    if (choice === null) return toOtherwise(given, context);
    return told(await choice.task.run(choice.asked as never, context));
  },
  async rehearse(given, context) {
    const choice = choose(given, context.secrets) ?? toComing(given);
    if (choice?.task.rehearse === undefined) return toOtherwise(given, context);
    return told(await choice.task.rehearse(choice.asked as never, context));
  },
};

function toGiven(written: JsonObject): Params {
  return { ...written, provider: written.provider ?? 'auto' } as Params;
}

/** null where nobody who may be asked is set up. */
function choose(given: Params, secrets: Secrets): Choice | null {
  const { provider } = given;
  if (provider === own) return secrets.CHAT_BASE_URL === undefined ? null : toChoice(given, own, secrets);
  const found = providers
    .filter(({ name }) => provider === 'auto' || provider === name)
    .find(({ keySetting, baseUrlSetting }) => (secrets[keySetting] ?? secrets[baseUrlSetting]) !== undefined);
  return found === undefined ? null : toChoice(given, found.name, secrets);
}

/** Nobody is set up yet, and somebody will have to be; null where `otherwise` stands in, or no address is known. */
function toComing(given: Params): Choice | null {
  const { provider, otherwise } = given;
  if (otherwise !== undefined || provider === own) return null;
  return toChoice(given, provider === 'auto' ? (names[0] ?? own) : provider, {});
}

function toChoice({ provider: _, otherwise: __, model, ...rest }: Params, name: string, secrets: Secrets): Choice {
  const asked = { ...rest, ...(model ? { model } : {}) };
  if (name === own) {
    const key = secrets.CHAT_API_KEY === undefined ? {} : { api_key_env: 'CHAT_API_KEY' };
    return { task: chat as Task<never>, asked: { ...asked, base_url: secrets.CHAT_BASE_URL, ...key } };
  }
  const task = providerTasks[names.indexOf(name)];
  if (task === undefined) throw new Error(`no provider ${name}`);
  return { task: task as Task<never>, asked };
}

function toOtherwise(given: Params, { log }: TaskContext): TaskResult {
  const { otherwise, provider } = given;
  const settings = providers.filter(({ name }) => provider === 'auto' || provider === name);
  const wanted = settings.map(({ keySetting }) => keySetting).join(' or ') || 'CHAT_BASE_URL';
  if (otherwise === undefined) {
    throw new TaskFailure(
      'MISSING_SECRET',
      `no model can be asked: put ${wanted} into the environment or into .env, or give the step a text as otherwise`,
    );
  }
  log(`No model was asked, since ${wanted} is not set; the text of otherwise was taken`);
  const format = jsonFormatOf(given as ChatParams);
  return {
    outputs: {
      content: otherwise,
      ...(format === null ? {} : { json: readJsonAnswer(otherwise, format, log) }),
      finish_reason: 'stop',
      model: null,
      answered_by: 'otherwise',
    },
    metadata: { answered_by: 'otherwise' },
  };
}

function told({ outputs, metadata, metrics }: TaskResult): TaskResult {
  return { outputs: { ...outputs, answered_by: 'model' }, metadata: { ...metadata, answered_by: 'model' }, metrics };
}
