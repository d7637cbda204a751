/**
 * Goal: what real servers answer is read, whole or streamed: text, reasoning, end and usage; what went wrong has the right
 * kind; and what was answered whole is asked for once (LW6 to LW8). Method: a fixture for each form, sent by the stand-in as it stands.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureTable } from '../../../src/contract/failures.ts';
import type { Outcome, Said } from '../../../src/contract/job.ts';
import { runAttempt } from '../../../src/worker/attempt.ts';
import { createJob } from '../../pool/harness.ts';
import * as faults from '../../stand-in/faults.ts';
import { gatewayAnswers, gatewayStreams } from '../../stand-in/gateway-answers.ts';
import * as listed from '../../stand-in/server-answers.ts';
import { serverErrors } from '../../stand-in/server-errors.ts';
import * as streamed from '../../stand-in/server-streams.ts';
import { StandIn } from '../../stand-in/stand-in.ts';
import { environmentFor, outputsOf, runModel, settingsFor } from './model-attempt.ts';

const serverAnswers = { ...listed.serverAnswers, ...gatewayAnswers };
const serverStreams = { ...streamed.serverStreams, ...gatewayStreams };

let standIn: StandIn;
beforeAll(async () => {
  standIn = await StandIn.start();
});
afterAll(() => standIn.close());

type Expected = Pick<listed.ServerAnswer, 'outputs' | 'failure' | 'tokens' | 'logs'>;

function expectRead(outcome: Outcome, { outputs, failure, tokens = [11, 7], logs = [] }: Expected): void {
  if (outputs !== undefined) expect(outputsOf(outcome)).toEqual({ ...outputs, model: 'some-model' });
  if (failure !== undefined) {
    const { code, message, kept } = failure;
    expect(outcome).toMatchObject({ kind: 'failed', code, message: expect.stringMatching(message) });
    expect(outcome.metadata?.answer).toEqual(kept);
    if (kept === undefined) expect(outcome.metadata).toBeNull();
  }
  expect(outcome.logs).toEqual(logs.map((line) => line.replace('HOST', standIn.host)));
  const [input, output] = tokens ?? [null, null];
  expect(outcome.metrics).toMatchObject({ input_tokens: input, output_tokens: output, calls: 1 });
}

it.each(Object.entries(serverAnswers))('the answer %s is read', async (_name, answer) => {
  const { body, contentType = 'application/json', params = {} } = answer;
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  standIn.next(faults.body(bytes, contentType));
  expectRead(await runModel(standIn, 'openai_chat', { model: 'some-model', ...params }), answer);
});

it.each(Object.entries(serverStreams))('the stream %s is read, and told to followers', async (_name, stream) => {
  const { events, contentType = 'text/event-stream', params = {}, outputs, said } = stream;
  standIn.next(faults.body(events.map((event) => `${event}\n\n`).join(''), contentType));
  const told: Said[] = [];
  const job = createJob('openai_chat', {
    params: { prompt: 'Why?', model: 'some-model', stream: true, ...params },
    secrets: settingsFor(standIn),
  });
  const environment = environmentFor(standIn, new AbortController().signal);
  const outcome = await runAttempt(job, { ...environment, onSaid: (piece) => told.push(piece) });
  expectRead(outcome, stream);
  if (outputs !== undefined) expect(told.map(({ text }) => text).join('')).toBe(said ?? outputs.content);
});

it.each(Object.entries(serverErrors))('the error %s has its kind', async (_name, error) => {
  const { status, body, code, message, retryAfterMs, headers = {}, kept } = error;
  standIn.next(faults.status(status, body, headers));
  const outcome = await runModel(standIn, 'openai_chat', { model: 'some-model' });
  expect(outcome).toMatchObject({
    kind: 'failed',
    code,
    message: expect.stringMatching(message),
    retryAfterMs: retryAfterMs ?? null,
  });
  expect(outcome.metadata?.answer).toEqual(kept);
});

describe('an answer that arrived whole', () => {
  const whole = Object.entries(serverAnswers).filter(([, { failure }]) => failure !== undefined);
  it.each(whole)('%s is of a kind that is asked for once, unless the server itself gave up', (_name, { failure }) => {
    const repeated = failureTable[failure?.code as keyof typeof failureTable] === 'transient';
    expect(repeated).toBe(failure?.code === 'HTTP_RETRYABLE');
  });
});

it('docs/models.md lists every fixture, and no other', () => {
  const page = readFileSync(new URL('../../../docs/models.md', import.meta.url), 'utf8');
  const table = /<!-- servers -->\n([\s\S]*?)\n\n/.exec(page)?.[1] ?? '';
  const listed = table
    .split('\n')
    .slice(2)
    .map((row) => row.split('|').map((cell) => cell.trim()))
    .flatMap(([, server, , fixtures = '']) =>
      [...fixtures.matchAll(/`([^`]+)`/g)].map(([, name]) => `${server}: ${name}`),
    );
  const written = Object.entries({ ...serverAnswers, ...serverStreams, ...serverErrors }).map(
    ([name, { server }]) => `${server}: ${name}`,
  );
  expect(listed.sort()).toEqual(written.sort());
});
