/** The JSON text of a large value in slices, so that its maker can let others have a turn between them. */
import { jsonLengthWithin } from './json-length.ts';

/** Joined they are the value's JSON. None is much longer than `charsMax`, escapes aside. */
export function* jsonSlices(value: unknown, charsMax: number): Generator<string> {
  const isCut = typeof value === 'string' || (typeof value === 'object' && value !== null);
  if (!isCut || jsonLengthWithin(value, charsMax) !== null) {
    yield JSON.stringify(value);
  } else if (typeof value === 'string') {
    yield '"';
    // A pair of surrogates that is cut is two escapes, which are read as the pair.
    for (let at = 0; at < value.length; at += charsMax)
      yield JSON.stringify(value.slice(at, at + charsMax)).slice(1, -1);
    yield '"';
  } else if (Array.isArray(value)) {
    yield '[';
    for (const [i, item] of value.entries()) {
      if (i > 0) yield ',';
      yield* jsonSlices(item, charsMax);
    }
    yield ']';
  } else {
    yield '{';
    for (const [i, [key, item]] of Object.entries(value as object).entries()) {
      yield `${i > 0 ? ',' : ''}${JSON.stringify(key)}:`;
      yield* jsonSlices(item, charsMax);
    }
    yield '}';
  }
}
