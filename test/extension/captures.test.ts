/**
 * Goal: each capture reaches the engine once, whatever fails between. Method: the queue over a store in memory, and an
 * engine that answers as the test says; then engines that lose answers at random (fast-check). QC1 to QC4 are the rules of
 * extension/captures.ts.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesMax, Captures, rowsMax } from '../../extension/captures.ts';
import type { SendOutcome } from '../../extension/engine.ts';
import type { CaptureRequest } from '../../extension/request.ts';
import type { Target } from '../../extension/target.ts';
import { MemoryStore, sketchCapture } from './memory-store.ts';

const step = (stepId: string): Target => ({ kind: 'step', workflowId: 'w', stepId, name: stepId });
const sent: SendOutcome = { kind: 'sent', workflowId: 'w' };
const away: SendOutcome = { kind: 'away', detail: 'The engine cannot be reached' };
const refused: SendOutcome = { kind: 'refused', detail: 'The step does not wait' };

function createQueue() {
  const store = new MemoryStore();
  let made = 0;
  const captures = new Captures(store, () => `key ${++made}`);
  const calls: { stepId: string; key: string; body: string }[] = [];
  /** Answers in turn; the last one again and again. */
  const drain = (...outcomes: SendOutcome[]) =>
    captures.drain(async (request: CaptureRequest, key) => {
      calls.push({ stepId: (JSON.parse(request.body) as { step_id: string }).step_id, key, body: request.body });
      return (outcomes.length > 1 ? outcomes.shift() : outcomes[0])!;
    });
  return { store, captures, calls, drain };
}

describe('a capture', () => {
  it('is sent again under its key with the same bytes until the engine has it (QC1, QC2)', async () => {
    const { captures, calls, drain } = createQueue();
    const { key } = await captures.add(sketchCapture(), step('a'));
    await drain(away);
    await drain({ kind: 'unpaired', detail: 'pair again' });
    expect(await captures.rows()).toHaveLength(1);
    await drain(sent);
    expect(await captures.rows()).toEqual([]);
    await drain(sent);
    expect(calls.map((call) => call.key)).toEqual([key, key, key]);
    expect(new Set(calls.map(({ body }) => body)).size).toBe(1);
  });

  it('is marked as tried before it is sent, and cannot go elsewhere then (QC1)', async () => {
    const { captures, store } = createQueue();
    const { id } = await captures.add(sketchCapture(), step('a'));
    let wasTried: boolean | undefined;
    await captures.drain(async () => {
      wasTried = (await store.row(id))?.isTried;
      return away;
    });
    expect(wasTried).toBe(true);
    await expect(captures.aim(id, step('b'))).rejects.toThrow('on its way already');
  });

  it('that is refused stays, and goes elsewhere under a new key', async () => {
    const { captures, calls, drain } = createQueue();
    const { id } = await captures.add(sketchCapture(), step('a'));
    await drain(refused);
    expect(await captures.rows()).toMatchObject([{ refusal: 'The step does not wait', isTried: false }]);
    await drain(sent);
    expect(calls).toHaveLength(1);
    await captures.aim(id, step('b'));
    await drain(sent);
    expect(calls.map(({ stepId }) => stepId)).toEqual(['a', 'b']);
    expect(calls[0]!.key).not.toBe(calls[1]!.key);
  });

  it('without a target waits for one, and keeps the key that was made with it (QC1)', async () => {
    const { captures, calls, drain } = createQueue();
    const { id, key } = await captures.add(sketchCapture(), null);
    await drain(sent);
    expect(calls).toEqual([]);
    await captures.aim(id, step('a'));
    await drain(sent);
    expect(calls.map((call) => call.key)).toEqual([key]);
  });

  it('that a person drops while another is sent is not sent', async () => {
    const { captures } = createQueue();
    await captures.add(sketchCapture(), step('a'));
    const { id } = await captures.add(sketchCapture(), step('b'));
    const keys: string[] = [];
    await captures.drain(async (_, key) => {
      keys.push(key);
      await captures.drop(id);
      return sent;
    });
    expect(keys).toHaveLength(1);
    expect(await captures.rows()).toEqual([]);
  });

  it('that a person drops while it is sent does not come back', async () => {
    const { captures } = createQueue();
    const { id } = await captures.add(sketchCapture(), step('a'));
    await captures.drain(async () => {
      await captures.drop(id);
      return refused;
    });
    expect(await captures.rows()).toEqual([]);
  });
});

describe('the order (QC3)', () => {
  it('is that of the captures; the engine being away stops all, a refusal stops one', async () => {
    const { captures, calls, drain } = createQueue();
    for (const id of ['a', 'b', 'c']) await captures.add(sketchCapture(), step(id));
    await drain(refused, away);
    expect(calls.map(({ stepId }) => stepId)).toEqual(['a', 'b']);
    await drain(sent);
    expect(calls.map(({ stepId }) => stepId)).toEqual(['a', 'b', 'b', 'c']);
    expect((await captures.rows()).map(({ refusal }) => refusal)).toEqual(['The step does not wait']);
  });
});

describe('the bounds (QC4)', () => {
  it(`are ${rowsMax} captures`, async () => {
    const { captures } = createQueue();
    for (let i = 0; i < rowsMax; i += 1) await captures.add(sketchCapture(), null);
    await expect(captures.add(sketchCapture(), null)).rejects.toThrow('50 captures are kept already');
    expect(await captures.rows()).toHaveLength(rowsMax);
  });

  it('are 64 MiB in all, two bytes a character', async () => {
    const { captures } = createQueue();
    const of = (html: number, text: number) => sketchCapture({ html: 'x'.repeat(html), text: 'y'.repeat(text) });
    for (let i = 0; i < 7; i += 1) await captures.add(of(2 ** 21, 2 ** 21), null);
    await captures.add(of(2 ** 21, 2 ** 21 - 1), null);
    expect((await captures.rows()).reduce((sum, { bytes }) => sum + bytes, 0)).toBe(bytesMax - 2);
    await expect(captures.add(of(1, 1), null)).rejects.toThrow('hold 64 MiB already');
    await captures.add(of(1, 0), null);
  });
});

it('an engine that loses calls and answers at random takes each capture once', async () => {
  const turn = fc.constantFrom('takes', 'loses the call', 'loses the answer', 'is busy');
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { maxLength: 40 }), fc.integer({ min: 1, max: 6 }), async (turns, count) => {
      const { captures } = createQueue();
      const taken = new Map<string, string>();
      const effects: string[] = [];
      const left = [...turns];
      const engine = async ({ body }: CaptureRequest, key: string): Promise<SendOutcome> => {
        const how = left.shift() ?? 'takes';
        if (how === 'loses the call' || how === 'is busy') return away;
        if (!taken.has(key)) effects.push(body);
        expect(taken.get(key) ?? body).toBe(body);
        taken.set(key, body);
        return how === 'takes' ? sent : away;
      };
      for (let i = 0; i < count; i += 1) await captures.add(sketchCapture({ title: `page ${i}` }), step(`s${i}`));
      while ((await captures.rows()).length > 0) await captures.drain(engine);
      expect(effects.map((body) => (JSON.parse(body) as { step_id: string }).step_id)).toEqual(
        Array.from({ length: count }, (_, i) => `s${i}`),
      );
    }),
  );
});
