/** What a step's log says of numbers in a JSON text that no number of ours holds, and the value that a file can hold. */
import {
  findLostNumbers,
  mayHoldInfinity,
  toKeepIt,
  toLostNumberLines,
  withoutInfinities,
} from '../contract/lost-numbers.ts';

interface ReadJson {
  /** Well-formed. */
  readonly text: string;
  /** As JSON.parse gives it. */
  readonly value: unknown;
}

/** The value, with null in place of infinities. `place` is where a path begins, such as `json`. */
export function tellLostNumbers({ text, value }: ReadJson, place: string, log: (line: string) => void): unknown {
  const lost = findLostNumbers(text, place);
  for (const line of toLostNumberLines(lost, toKeepIt.answered)) log(line);
  return mayHoldInfinity(lost) ? withoutInfinities(value) : value;
}
