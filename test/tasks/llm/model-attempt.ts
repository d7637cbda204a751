/** One attempt of a model action against a stand-in, in this thread, as a thread of the pool would run it. */
import type { Outcome } from '../../../src/contract/job.ts';
import type { Prices } from '../../../src/contract/prices.ts';
import { tasks } from '../../../src/tasks/registry.ts';
import { type AttemptEnvironment, runAttempt } from '../../../src/worker/attempt.ts';
import { createJob } from '../../pool/harness.ts';
import type { StandIn } from '../../stand-in/stand-in.ts';

export const canaryKey = 'sk-canary-0123456789abcdef';
export type Action = 'openai_chat' | 'deepseek_chat' | 'gemini_chat' | 'chat';

export interface AttemptOptions {
  readonly signal?: AbortSignal;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly prices?: Prices;
}

/** The settings under which every action reaches the stand-in. */
export function settingsFor(standIn: StandIn): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const name of ['OPENAI', 'DEEPSEEK', 'GEMINI', 'CHAT']) {
    settings[`${name === 'GEMINI' ? 'GOOGLE' : name}_API_KEY`] = canaryKey;
    settings[`${name}_BASE_URL`] = standIn.baseUrl;
  }
  return settings;
}

export function runModel(
  standIn: StandIn,
  action: Action,
  params: Record<string, unknown>,
  { signal = new AbortController().signal, secrets = settingsFor(standIn), prices }: AttemptOptions = {},
): Promise<Outcome> {
  const own = action === 'chat' ? { base_url: standIn.baseUrl, api_key_env: 'CHAT_API_KEY', model: 'gpt-4' } : {};
  const job = createJob(action, { params: { prompt: 'Why?', ...own, ...params }, secrets });
  return runAttempt(job, environmentFor(standIn, signal, prices));
}

/** What the stand-in takes, which is what OpenAI takes for the same model. */
export function pricesOf(standIn: StandIn): Prices {
  return { [`${standIn.host}/gpt-4`]: { input_per_million: 30, output_per_million: 60 } };
}

export function environmentFor(
  standIn: StandIn,
  signal: AbortSignal,
  prices: Prices = pricesOf(standIn),
): AttemptEnvironment {
  return { tasks, network: { allowHosts: [standIn.host], ownPort: null }, prices, signal };
}

export function outputsOf(outcome: Outcome): Record<string, unknown> {
  if (outcome.kind !== 'completed') throw new Error(`${outcome.code}: ${outcome.message}`);
  return JSON.parse(outcome.outputsJson);
}
