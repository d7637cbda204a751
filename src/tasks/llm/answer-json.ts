/**
 * The JSON of a model's answer as servers write it: some write `NaN` and `Infinity`, as Python's encoder does, and some
 * put a text behind the value.
 */

export interface FoundValue {
  readonly value: unknown;
}

/** The value of a JSON text; undefined where it is none, also with null in place of numbers that JSON has not. */
export function parseAnswerJson(text: string): FoundValue | undefined {
  return tryParse(text) ?? (endless.test(text) ? tryParse(withoutEndless(text)) : undefined);
}

/** The text, or one of the same value that every reader of JSON takes; undefined where it is no JSON. */
export function toValidJson(text: string): string | undefined {
  if (tryParse(text) !== undefined) return text;
  const repaired = endless.test(text) ? withoutEndless(text) : undefined;
  return repaired !== undefined && tryParse(repaired) !== undefined ? repaired : undefined;
}

const endless = /NaN|Infinity/;

/** Strings stay as they are. One without an end is taken to the end of the text, so that the search stays linear. */
function withoutEndless(text: string): string {
  return text.replace(/"[^"\\]*(?:\\[\s\S][^"\\]*)*"?|-?(?:NaN|Infinity)/g, (found) =>
    found.startsWith('"') ? found : 'null',
  );
}

/** Where the first value of the text ends, an object or a list; -1 where the text ends before it. */
export function findValueEnd(text: string): number {
  let depth = 0;
  const token = /"[^"\\]*(?:\\[\s\S][^"\\]*)*("?)|[[\]{}]/g;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found, closing] = match;
    if (closing === '') return -1;
    if (found === '[' || found === '{') depth += 1;
    if (found === ']' || found === '}') depth -= 1;
    if (depth <= 0 && (found === ']' || found === '}')) return token.lastIndex;
  }
  return -1;
}

function tryParse(text: string): FoundValue | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}
