/** Goal: who listens gets each running text whole and in order, and memory holds no more of them than is granted (LT1–LT3). */
import { describe, expect, it } from 'vitest';
import type { TokenEvent } from '../../../src/contract/event.ts';
import { limits } from '../../../src/contract/limits.ts';
import { LiveTexts as Texts } from '../../../src/coordinator/followers/live-texts.ts';
import { Follower } from '../../../src/engine/follower.ts';

const speaker = (stepId: string, attempt = 1, workflowId = 'w') => ({ workflowId, stepId, attempt });
const said = (text: string, isCut = false) => ({ text, isCut });

/** Pieces come one after the other unless a test says where they belong. */
class LiveTexts extends Texts {
  readonly #ends = new Map<object, number>();

  override add(of: ReturnType<typeof speaker>, piece: { at?: number; text: string; isCut: boolean }): void {
    const { at = this.#ends.get(of) ?? 0 } = piece;
    this.#ends.set(of, at + piece.text.length);
    super.add(of, { ...piece, at });
  }
}

function listen(texts: LiveTexts, workflowId = 'w') {
  const told: TokenEvent[] = [];
  const end = texts.listen(workflowId, (pieces) => void told.push(...pieces));
  return { told, end };
}

describe('who listens', () => {
  it('gets all there is in one piece, then each piece, of its own workflow alone', () => {
    const texts = new LiveTexts();
    const [a, b, other] = [speaker('a'), speaker('b', 2), speaker('a', 1, 'v')];
    texts.add(a, said('one '));
    texts.add(a, said('two '));
    texts.add(other, said('secret'));
    const { told, end } = listen(texts);
    expect(told).toEqual([
      { kind: 'step.tokens', workflow_id: 'w', step_id: 'a', attempt: 1, offset: 0, text: 'one two ' },
    ]);
    texts.add(b, said('eins'));
    texts.add(a, said('three'));
    texts.add(other, said('more'));
    end();
    texts.add(a, said('four'));
    expect(told.slice(1)).toMatchObject([
      { step_id: 'b', attempt: 2, offset: 0, text: 'eins' },
      { step_id: 'a', attempt: 1, offset: 8, text: 'three' },
    ]);
  });

  it('gets nothing of what has ended, and a new attempt from its beginning', () => {
    const texts = new LiveTexts();
    const first = speaker('a');
    texts.add(first, said('half'));
    texts.end(first);
    const { told } = listen(texts);
    texts.add(speaker('a', 2), said('whole'));
    expect(told).toMatchObject([{ attempt: 2, offset: 0, text: 'whole' }]);
  });
});

describe('a piece that does not follow the one before', () => {
  it('ends the text there, marked as cut: nothing is shown as a whole that is none (LT2)', () => {
    const texts = new LiveTexts();
    const early = listen(texts);
    const a = speaker('a');
    texts.add(a, said('one '));
    texts.add(a, { at: 9, ...said('three') });
    texts.add(a, { at: 4, ...said('two ') });
    const late = listen(texts);
    expect(early.told).toMatchObject([
      { offset: 0, text: 'one ' },
      { offset: 4, text: '', cut: true },
    ]);
    expect(late.told).toMatchObject([{ offset: 0, text: 'one ', cut: true }]);
  });

  it('and begins in the middle of a text shows nothing of it', () => {
    const texts = new LiveTexts();
    const { told } = listen(texts);
    texts.add(speaker('a'), { at: 5, ...said('middle') });
    expect(told).toMatchObject([{ offset: 0, text: '', cut: true }]);
  });

  it('adds only what was not told before, where it comes twice or overlaps', () => {
    const texts = new LiveTexts();
    const { told } = listen(texts);
    const a = speaker('a');
    texts.add(a, said('one '));
    texts.add(a, { at: 0, ...said('one ') });
    texts.add(a, { at: 2, ...said('e two') });
    expect(told).toMatchObject([
      { offset: 0, text: 'one ' },
      { offset: 4, text: 'two' },
    ]);
    expect(told).toHaveLength(2);
  });
});

describe('what finds no room', () => {
  it('of one text is told to be cut, early and late, and the rest is dropped', () => {
    const texts = new LiveTexts();
    const early = listen(texts);
    const a = speaker('a');
    texts.add(a, said('x'.repeat(limits.liveTextLengthMax - 1)));
    texts.add(a, said('yz'));
    texts.add(a, said('more'));
    const late = listen(texts);
    expect(early.told.map(({ offset, text, cut }) => [offset, text.length, cut])).toEqual([
      [0, limits.liveTextLengthMax - 1, undefined],
      [limits.liveTextLengthMax - 1, 1, true],
    ]);
    expect(late.told.map(({ offset, text, cut }) => [offset, text.length, cut])).toEqual([
      [0, limits.liveTextLengthMax, true],
    ]);
  });

  it('of all together finds it again when a text has ended', () => {
    const texts = new LiveTexts();
    const many = Array.from({ length: limits.liveTextsLengthMax / limits.liveTextLengthMax }, (_, i) =>
      speaker(`s${i}`),
    );
    for (const one of many) texts.add(one, said('x'.repeat(limits.liveTextLengthMax)));
    const { told } = listen(texts, 'v');
    texts.add(speaker('late', 1, 'v'), said('no room'));
    texts.end(many[0]!);
    texts.add(speaker('next', 1, 'v'), said('room'));
    expect(told.map(({ text, cut }) => [text, cut])).toEqual([
      ['', true],
      ['room', undefined],
    ]);
  });
});

describe('a reader who does not read', () => {
  const piece = (stepId: string, offset: number, text: string): TokenEvent => ({
    kind: 'step.tokens',
    workflow_id: 'w',
    step_id: stepId,
    attempt: 1,
    offset,
    text,
  });
  const take = async (follower: Follower, count: number) => {
    const taken = [];
    const items = follower.read();
    while (taken.length < count) taken.push((await items.next()).value);
    return taken;
  };

  it('gets what has come since as one piece of each text', async () => {
    const follower = new Follower(undefined);
    for (let at = 0; at < 1_000; at += 1) {
      follower.push([piece('a', 2 * at, 'ab')]);
      follower.push([piece('b', at, 'c')]);
    }
    expect(await take(follower, 2)).toEqual([piece('a', 0, 'ab'.repeat(1_000)), piece('b', 0, 'c'.repeat(1_000))]);
  });

  it('gets whole what there was when it came, and after it no more than its bound', async () => {
    const texts = new LiveTexts();
    const many = Array.from({ length: 100 }, (_, i) => speaker(`s${i}`));
    for (const one of many) texts.add(one, said('x'.repeat(11_000)));
    const follower = new Follower(undefined);
    texts.listen('w', follower.textSink());
    texts.add(many[0]!, said('more'));
    const taken = (await take(follower, 100)) as TokenEvent[];
    expect(taken.map(({ step_id: id, text, cut }) => [id, text.length, cut])).toEqual(
      many.map(({ stepId }, i) => [stepId, i === 0 ? 11_004 : 11_000, undefined]),
    );
    for (const one of many) texts.add(one, said('x'.repeat(11_000)));
    const next = (await take(follower, 1)) as TokenEvent[];
    expect(next).toMatchObject([{ step_id: 's0', text: '', cut: true }]);
  });

  it('costs no more than its bound: texts beyond it are left out, and are told to be cut', async () => {
    const follower = new Follower(undefined);
    const block = 'x'.repeat(limits.liveTextsWaitingMax / 4);
    for (let at = 0; at < 3; at += 1) follower.push([piece('a', at * block.length, block)]);
    follower.push([piece('b', 0, block)]);
    follower.push([piece('b', block.length, 'x')]);
    follower.push([piece('a', 4 * block.length, 'more')]);
    follower.push([piece('c', 0, 'short')]);
    const taken = (await take(follower, 3)) as TokenEvent[];
    expect(taken.map(({ step_id: id, offset, text, cut }) => [id, offset, text.length, cut])).toEqual([
      ['a', 0, 0, true],
      ['b', 0, 0, true],
      ['c', 0, 5, undefined],
    ]);
  });

  it('changes nothing for another, who gets the same pieces', async () => {
    const [slow, fast] = [new Follower(undefined), new Follower(undefined)];
    const first = piece('a', 0, 'one ');
    for (const follower of [slow, fast]) follower.push([first]);
    const items = fast.read();
    expect((await items.next()).value).toEqual(piece('a', 0, 'one '));
    slow.push([piece('a', 4, 'two')]);
    expect(first.text).toBe('one ');
    expect(await take(slow, 1)).toEqual([piece('a', 0, 'one two')]);
  });
});
