/** The log of a whole run as columns: 100,000 lines cost 10 MB, and go to the page without a copy of each. Pure. */
import type { LogReply } from '../../src/contract/run-view.ts';
import type { MergedLines } from './run-messages.ts';
import { toLineText } from './step-detail.ts';

const levels = { info: 0, warn: 1, error: 2 } as const;

/** Puts answers together that follow each other; lines of the time at which they meet come in both. */
export function toMergedLines(replies: readonly LogReply[]): MergedLines {
  const seen = new Set<string>();
  const lines = replies.flatMap(({ lines: some }, turn) =>
    some.filter(({ step_id, line }) => {
      if (replies.length === 1) return true;
      const key = `${step_id} ${line}`;
      if (turn > 0 && seen.has(key)) return false;
      seen.add(key);
      return true;
    }),
  );
  const numbers = new Map<string, number>();
  const step = Uint32Array.from(lines, ({ step_id }) => {
    const known = numbers.get(step_id);
    if (known !== undefined) return known;
    numbers.set(step_id, numbers.size);
    return numbers.size - 1;
  });
  return {
    ...toLineText(lines.map(({ text }) => text)),
    step,
    stepIds: [...numbers.keys()],
    at: Float64Array.from(lines, ({ at }) => (at === null ? Number.NaN : Date.parse(at))),
    level: Uint8Array.from(lines, ({ level }) => levels[level]),
    isCut: replies.at(-1)?.more ?? false,
  };
}
