/** What a step's log says of numbers in a JSON text that no number of ours holds, and the value that a file can hold. */
import { findLostNumbers, toLostNumberText, withoutInfinities } from '../contract/lost-numbers.ts';

/** More lines would push others out of the step's log. */
const shownMax = 20;

interface ReadJson {
  /** Well-formed. */
  readonly text: string;
  /** As JSON.parse gives it. */
  readonly value: unknown;
}

/** The value, with null in place of infinities. `place` is where a path begins, such as `json`. */
export function tellLostNumbers({ text, value }: ReadJson, place: string, log: (line: string) => void): unknown {
  const lost = findLostNumbers(text, shownMax + 1);
  for (const number of lost.slice(0, shownMax)) log(toLostNumberText(number, place));
  if (lost.length > shownMax) log('More numbers of the answer cannot be held as numbers; content has them');
  return lost.some(({ kept }) => kept === null) || lost.length > shownMax ? withoutInfinities(value) : value;
}
