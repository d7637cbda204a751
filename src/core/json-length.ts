/** How long a value is as JSON, without making its text. */

/** The characters of the value's compact JSON, escapes aside and up to one for each list or object; null beyond `max`. */
export function jsonLengthWithin(value: unknown, max: number): number | null {
  let length = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === 'string') length += next.length + 2;
    else if (typeof next !== 'object' || next === null) length += String(next).length;
    else if (Array.isArray(next)) {
      length += next.length + 1;
      // A sum first: a list that is too long as it is need not be walked.
      if (length <= max) for (const item of next) open.push(item);
    } else {
      length += 1;
      for (const [key, item] of Object.entries(next)) {
        length += key.length + 4;
        open.push(item);
      }
    }
    if (length > max) return null;
  }
  return length;
}
