/** Two texts as lines: what went, what came, and a little around it. Pure; it runs in the worker. */
import { diffLines } from 'diff';
import { toCutText } from '../output/safe-text.ts';

const textMax = 256 * 1024;
const aroundLines = 3;
/** Of lines that are the same, and of others, so many characters are handed over. */
const sameMax = 160;
const lineMax = 4_000;
const shownLinesMax = 2_000;
/** A difference that takes longer to find is not shown line by line. */
const searchMsMax = 400;

/** Of a fold the text is how many equal lines it stands for. */
export interface DiffLine {
  readonly kind: 'same' | 'gone' | 'new' | 'fold';
  readonly text: string;
}

export interface LineParts {
  /** Those that differ, with a few around them. */
  readonly near: readonly DiffLine[];
  /** All of them; null where `near` is all. */
  readonly all: readonly DiffLine[] | null;
  /** Lines of each that were left out at the end. */
  readonly nearLeft: number;
  readonly allLeft: number;
  /** Only the beginnings were compared. */
  readonly isCut: boolean;
}

/** null: they differ in too much. */
export function toLineParts(left: string, right: string): LineParts | null {
  const parts = diffLines(left.slice(0, textMax), right.slice(0, textMax), { timeout: searchMsMax });
  if (parts === undefined) return null;
  const lines = parts.flatMap(({ value, added, removed }) => {
    const kind = added ? ('new' as const) : removed ? ('gone' as const) : ('same' as const);
    return value
      .replace(/\n$/, '')
      .split('\n')
      .map((text) => ({ kind, text }));
  });
  const near = folded(lines);
  return {
    near: near.slice(0, shownLinesMax).map(shorten),
    all: near.length === lines.length ? null : lines.slice(0, shownLinesMax).map(shorten),
    nearLeft: Math.max(0, near.length - shownLinesMax),
    allLeft: Math.max(0, lines.length - shownLinesMax),
    isCut: left.length > textMax || right.length > textMax,
  };
}

function shorten({ kind, text }: DiffLine): DiffLine {
  const max = kind === 'same' ? sameMax : lineMax;
  const cut = toCutText(text, max);
  return { kind, text: cut.isCut ? `${cut.text}…` : cut.text };
}

/** Lines that are the same are left out, but for a few around a difference. */
function folded(lines: readonly DiffLine[]): DiffLine[] {
  const near = new Uint8Array(lines.length);
  lines.forEach(({ kind }, at) => {
    if (kind !== 'same') near.fill(1, Math.max(0, at - aroundLines), at + aroundLines + 1);
  });
  const shown: DiffLine[] = [];
  let hidden = 0;
  const fold = () => {
    if (hidden > 0) shown.push({ kind: 'fold', text: String(hidden) });
    hidden = 0;
  };
  lines.forEach((line, at) => {
    if (near[at] === 1) {
      fold();
      shown.push(line);
    } else hidden += 1;
  });
  fold();
  return shown;
}
