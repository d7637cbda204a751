/**
 * Goal: a step's text is told while it is made, between the durable events of its attempt, and none of it is durable before
 * its step is. Method: steps that say what the test says, on an engine in this thread.
 */
import { expect, onTestFinished, test } from 'vitest';
import type { Engine } from '../../src/contract/engine.ts';
import type { EngineEvent, EventGap, TokenEvent } from '../../src/contract/event.ts';
import { startInline } from './running-engine.ts';

/** One line for each event: its kind, or the piece with its attempt and offset. */
function follow(engine: Engine, id: string, after?: number) {
  const abort = new AbortController();
  const lines: string[] = [];
  const wakes: (() => void)[] = [];
  const toLine = (event: EngineEvent | EventGap | TokenEvent) =>
    event.kind === 'step.tokens'
      ? `${event.step_id}#${event.attempt}@${event.offset} ${event.text}`
      : event.kind === 'gap'
        ? 'gap'
        : event.kind;
  const reading = (async () => {
    for await (const event of engine.follow(id, { ...(after === undefined ? {} : { after }), signal: abort.signal })) {
      lines.push(toLine(event));
      for (const wake of wakes.splice(0)) wake();
    }
  })();
  const end = async () => {
    abort.abort();
    await reading;
  };
  onTestFinished(end);
  return {
    lines,
    end,
    async until(line: string) {
      while (!lines.includes(line)) await new Promise<void>((resolve) => wakes.push(resolve));
    },
  };
}

test('a text stands between the events of its attempt, and who comes late gets all there is first', async () => {
  const { engine, holds } = await startInline();
  const { id } = await engine.submit({
    name: 'says',
    steps: [holds.step('a', { retry: { attemptsMax: 2, backoffMs: 0 } })],
  });
  const early = follow(engine, id, 0);
  await holds.arrived('a');
  holds.say('a', 'Once ');
  await early.until('a#1@0 Once ');
  holds.say('a', 'upon ');
  await early.until('a#1@5 upon ');
  const late = follow(engine, id);
  await late.until('a#1@0 Once upon ');
  holds.say('a', 'a time');
  holds.release('a', 'fail');
  await holds.arrived('a', 2);
  holds.say('a', 'Again');
  holds.release('a');
  await engine.finished(id);
  await early.until('step.completed');
  expect(early.lines).toEqual([
    'workflow.created',
    'step.started',
    'a#1@0 Once ',
    'a#1@5 upon ',
    'a#1@10 a time',
    'step.retrying',
    'step.started',
    'a#2@0 Again',
    'step.completed',
  ]);
  expect(late.lines).toEqual(['a#1@0 Once upon ', ...early.lines.slice(4)]);
});

test('of a step that was stopped, or whose workflow is gone, nothing more is told', async () => {
  const { engine, holds, dir } = await startInline();
  const steps = [{ ...holds.step('a'), params: { name: 'a', stubborn: true } }];
  const { id } = await engine.submit({ name: 'stopped', steps });
  const reader = follow(engine, id);
  await holds.arrived('a');
  holds.say('a', 'before');
  await reader.until('a#1@0 before');
  await engine.stop(id);
  holds.say('a', 'after');
  const late = follow(engine, id);
  holds.release('a');
  await engine.delete(id);
  await reader.until('workflow.deleted');
  await late.until('workflow.deleted');
  expect(reader.lines.filter((line) => line.includes('@'))).toEqual(['a#1@0 before']);
  expect(late.lines.filter((line) => line.includes('@'))).toEqual([]);
  expect(dir.hasState(id)).toBe(false);
});

test('texts are for those who follow the workflow: other streams of events hold durable facts alone', async () => {
  const { engine, holds } = await startInline();
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const kinds: string[] = [];
  const reading = (async () => {
    for await (const { kind } of engine.events({ after: 0, signal: abort.signal })) kinds.push(kind);
  })();
  const { id } = await engine.submit({ name: 'says', steps: [holds.step('a')] });
  const other = await engine.submit({ name: 'else', steps: [holds.step('b')] });
  const reader = follow(engine, id);
  const stranger = follow(engine, other.id);
  await holds.arrived('a');
  holds.say('a', 'text');
  await reader.until('a#1@0 text');
  holds.release('a');
  await holds.arrived('b');
  holds.release('b');
  await engine.finished(other.id);
  await engine.finished(id);
  await stranger.until('step.completed');
  abort.abort();
  await reading;
  expect([...kinds, ...stranger.lines].filter((kind) => kind.includes('tokens') || kind.includes('@'))).toEqual([]);
  expect(kinds).toContain('step.completed');
});
