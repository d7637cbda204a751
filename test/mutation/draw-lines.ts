/** Draws lines of source for StrykerJS, each with the same chance: `file:12-12`. */
import fs from 'node:fs';
import path from 'node:path';

export function drawLines(
  root: string,
  files: readonly string[],
  { lines, seed }: { lines: number; seed: number },
): string[] {
  if (lines === 0) return [...files];
  const all = files.flatMap((file) =>
    fs
      .readFileSync(path.join(root, file), 'utf8')
      .split('\n')
      .flatMap((text, i) => (isCode(text) ? [`${file}:${i + 1}-${i + 1}`] : [])),
  );
  let state = seed;
  // A line that is not drawn swaps places with the last of those that may still be.
  for (let left = all.length; left > all.length - lines && left > 1; left -= 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const at = Math.floor((state / 2 ** 32) * left);
    [all[at], all[left - 1]] = [all[left - 1] as string, all[at] as string];
  }
  return all.slice(-lines).toSorted();
}

const isCode = (line: string) => !/^\s*(?:$|\/\/|\/?\*|import |export \{|[})\];,]*$)/.test(line);
