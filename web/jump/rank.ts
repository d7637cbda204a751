/** What a text finds, and in which order. Pure. */

/**
 * How well `text` answers `typed`: its characters must come in this order. Higher is better; null where it does not match.
 * Characters at the start of words, and those that follow each other, count most; long texts count less.
 */
export function rank(typed: string, text: string): number | null {
  const wanted = typed.toLowerCase().replaceAll(' ', '');
  if (wanted === '') return 0;
  const lower = text.toLowerCase();
  const whole = lower.indexOf(typed.toLowerCase().trim());
  if (whole >= 0)
    return 1_000 - Math.min(whole, 200) - Math.min(text.length, 400) / 10 + (isStart(text, whole) ? 200 : 0);
  let score = 0;
  let at = -1;
  for (const character of wanted) {
    const next = lower.indexOf(character, at + 1);
    if (next < 0) return null;
    score += next === at + 1 ? 12 : isStart(text, next) ? 10 : 1;
    at = next;
  }
  return score - Math.min(text.length, 400) / 10;
}

function isStart(text: string, at: number): boolean {
  return at === 0 || /[\s._/-]/.test(text[at - 1] ?? '');
}

/** The best first; equal ones in the order given. */
export function ranked<Item>(typed: string, items: readonly Item[], textOf: (item: Item) => string): Item[] {
  const scored = items.flatMap((item, place) => {
    const score = rank(typed, textOf(item));
    return score === null ? [] : [{ item, score, place }];
  });
  return scored.sort((a, b) => b.score - a.score || a.place - b.place).map(({ item }) => item);
}
