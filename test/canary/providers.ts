/** The ways in which a provider repeats the key it was given, each under the name of a model that behaves so. */
import { body, events, redirect, status } from '../stand-in/faults.ts';
import type { Behaviour, Call } from '../stand-in/stand-in.ts';

function keyOf({ headers }: Call): string {
  return String(headers.authorization ?? '').replace('Bearer ', '');
}

/** Every form in which it usually travels. */
function formsOf(key: string): string {
  const bytes = Buffer.from(key);
  return [key, bytes.toString('base64'), bytes.toString('base64url'), encodeURIComponent(key)].join(' ');
}

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}`;

const ways: Record<string, (key: string, call: Call) => Behaviour> = {
  'answers-it': (key) => ({ content: `Your key: ${formsOf(key)}. Keep it.`, headers: { 'x-request-id': key } }),
  'reasons-with-it': (key) => ({ message: { content: 'Fine.', reasoning_content: `The key is ${formsOf(key)}` } }),
  'answers-json': (key) => ({ content: JSON.stringify({ [key]: { list: [key, formsOf(key)] } }) }),
  'ends-with-it': (key) => ({ content: 'An answer.', finishReason: key }),
  'bills-it': (key) => ({ content: 'An answer.', usage: { prompt_tokens: key, [key]: 1, completion_tokens: 1 } }),
  'refuses-to-answer': (key) => ({ message: { content: null, refusal: `${'x'.repeat(290)} ${formsOf(key)}` } }),
  'wants-a-tool': (key) => ({ message: { content: null, tool_calls: [{ function: { name: key } }] } }),
  'is-named-so': (key, { stream }) =>
    stream
      ? events(`data: ${JSON.stringify({ model: key, choices: [] })}`, chunk({ content: 'Hi' }, 'stop'), 'data: [DONE]')
      : body(JSON.stringify({ model: key, choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }] })),
  'is-not-json': (key) => body(`<html>${formsOf(key)}</html>`, 'text/html'),
  'breaks-off': (key) =>
    events(chunk({ content: `It is ${key}` }), `data: {"error":{"message":"${key}","code":"${key}"}}`),
  'cuts-the-stream': (key) => events(chunk({ content: `It is ${key.slice(0, 20)}` })),
  'spells-it': (key) =>
    events(...[...`It is ${key}.`].map((content) => chunk({ content })), chunk({}, 'stop'), 'data: [DONE]'),
  'is-no-utf8': (key) => body(Buffer.from(`{"choices":"\xff${key}"}`, 'latin1')),
  'says-400': (key) =>
    status(400, { error: { message: `${'x'.repeat(280)} ${key}`, type: key, code: key, param: key } }),
  'says-401': (key) =>
    status(401, {
      error: { message: `Incorrect API key provided: ${formsOf(key)}, ${key.slice(0, 12)}****${key.slice(-4)}` },
    }),
  'says-403': (key) => status(403, { message: `not for ${key}` }, { 'www-authenticate': `Bearer ${key}` }),
  'says-429': (key) => status(429, { error: { code: 'insufficient_quota', message: key } }, { 'retry-after': key }),
  'says-500': (key) => status(500, `Internal error: ${formsOf(key)}`),
  'says-503': (key) => status(503, [{ error: { status: key, message: key, details: [{ retryDelay: key }] } }]),
  redirects: (key) => redirect(302, `http://127.0.0.1:9/?key=${key}`),
};

export const models = Object.keys(ways);

export function repeatKey(call: Call): Behaviour {
  return ways[call.model]?.(keyOf(call), call) ?? {};
}
