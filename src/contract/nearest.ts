/**
 * "Did you mean": the known name that a mistyped one comes nearest to.
 *
 * Rules, numbered for tests:
 *   NE1  letter case and the characters `-`, `_`, `.` and space do not count; a swap of two neighbours is one slip;
 *   NE2  at most one slip for each three characters, and at most three in all, are bridged: none in a shorter name;
 *   NE3  the work is bounded: names longer than `lengthMax`, and all names after the first `namesMax`, are not compared.
 */
const lengthMax = 128;
const namesMax = 1_000;
const slipsMax = 3;

/** undefined when no name is near. Of names that are equally near, the first. */
export function nearest(written: string, names: Iterable<string>): string | undefined {
  if (written.length > lengthMax) return undefined;
  const wanted = simplify(written);
  let best: string | undefined;
  let bound = Math.min(slipsMax, Math.floor(wanted.length / 3)) + 1;
  let compared = 0;
  for (const name of names) {
    compared += 1;
    if (compared > namesMax) break;
    const candidate = simplify(name);
    if (name.length > lengthMax || Math.abs(candidate.length - wanted.length) >= bound) continue;
    const slips = countSlips(wanted, candidate);
    if (slips >= bound || name === written) continue;
    best = name;
    bound = slips;
  }
  return best;
}

/** `; did you mean "topic"?`, or nothing. */
export function didYouMean(written: string, names: Iterable<string>): string {
  const name = nearest(written, names);
  return name === undefined ? '' : `; did you mean "${name}"?`;
}

function simplify(name: string): string {
  return name.toLowerCase().replace(/[-_. ]/g, '');
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other. */
function countSlips(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1];
      let slips = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        slips = Math.min(slips, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(slips);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
