/**
 * Goal: a step that fails over its answer asks once and keeps the text where a person reads it: in the step and in
 * state.json, within its bound. Method: an engine with its files against the stand-in, and the bound by itself.
 */
import fs from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { TaskFailure } from '../../../src/contract/task.ts';
import { keepAnswer } from '../../../src/tasks/llm/kept-answer.ts';
import { startInline, stepOf } from '../../engine/running-engine.ts';
import { type Answer, StandIn } from '../../stand-in/stand-in.ts';
import { settingsFor } from './model-attempt.ts';

it.each<[string, Answer, object, object]>([
  ['cut', { content: 'Half an', finishReason: 'length' }, {}, { content: 'Half an', finish_reason: 'length' }],
  ['no JSON', { content: 'Sure!' }, { response_format: 'json_object' }, { content: 'Sure!', finish_reason: 'stop' }],
  [
    'refused',
    { message: { role: 'assistant', content: null, refusal: 'No.' } },
    {},
    { content: '', refusal: 'No.', finish_reason: 'stop' },
  ],
])('an answer that is %s is asked for once, and kept in state.json', async (_name, answer, params, kept) => {
  const standIn = await StandIn.start({ behaviour: () => answer });
  onTestFinished(() => standIn.close());
  const { engine, dir } = await startInline({
    settings: { secrets: settingsFor(standIn), httpAllowHosts: [standIn.host] },
  });
  const { id } = await engine.submit({
    name: 'x',
    steps: [{ id: 'a', action: 'openai_chat', params: { prompt: 'Why?', ...params } }],
  });
  const { workflow } = await engine.finished(id);
  expect(standIn.calls).toHaveLength(1);
  const expected = { provider: 'openai', model: 'gpt-4', answer: expect.objectContaining(kept) };
  expect(stepOf(workflow, 'a')).toMatchObject({ status: 'FAILED', outputs: null, metadata: expected });
  await engine.close();
  const file = JSON.parse(fs.readFileSync(dir.stateFile(id), 'utf8'));
  expect(file.steps[0].metadata).toMatchObject(expected);
});

it.each([
  ['plain text', 'x', 36 * 1024 - 2],
  ['quotes, two bytes each in JSON', '"', (36 * 1024 - 2) / 2],
  ['euro signs, three bytes each', '€', Math.floor((36 * 1024 - 2) / 3)],
])('of %s the first 36 KiB are kept, and the length of all', (_name, letter, length) => {
  const heard = { content: letter.repeat(100_000), reasoning: '', refusal: '', finishReason: 'stop' };
  const { answer } = keepAnswer(new TaskFailure('OUTPUT_INVALID', 'no'), heard).metadata as {
    answer: { content: string };
  };
  expect(answer).toEqual({ content: answer.content, characters: 100_000, cut: true, finish_reason: 'stop' });
  expect(answer.content.length).toBeLessThanOrEqual(length);
  expect(answer.content.length).toBeGreaterThan(length - 10);
  expect(heard.content.startsWith(answer.content)).toBe(true);
});
