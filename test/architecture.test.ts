/**
 * Goal: imports follow the table in docs/ARCHITECTURE.md, and the core stays pure. Method: dependency-cruiser reads the
 * imports, the table says which are allowed; a partner test shows that a forbidden one is found.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { beforeAll, describe, expect, it } from 'vitest';

interface Arrow {
  from: string;
  to: string;
}

/** Folder or file → what it may import. */
function readTable(markdown: string): Map<string, string[]> {
  const rows = [...markdown.matchAll(/^\| `(src[^`]*)` \|[^|]*\|([^|]*)\|$/gm)];
  return new Map(
    rows.map(([, owner, allowed]) => [owner!, [...allowed!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!)]),
  );
}

function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

/** The arrows that the table does not allow. */
function findBreaches(arrows: readonly Arrow[], table: ReadonlyMap<string, readonly string[]>): Arrow[] {
  return arrows.filter(({ from, to }) => {
    const owner = [...table.keys()].find((place) => isWithin(from, place));
    if (owner === undefined) return true;
    return !isWithin(to, owner) && !table.get(owner)!.some((place) => isWithin(to, place));
  });
}

const table = readTable(readFileSync('docs/ARCHITECTURE.md', 'utf8'));
let arrows: Arrow[] = [];

beforeAll(async () => {
  const { output } = await cruise(['src'], {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  });
  arrows = (output as ICruiseResult).modules.flatMap((module) =>
    module.dependencies
      .filter(({ resolved }) => resolved.startsWith('src/'))
      .map(({ resolved }) => ({ from: module.source, to: resolved })),
  );
});

describe('the import arrows', () => {
  it('every folder and file of src stands in the table', () => {
    const places = readdirSync('src').map((name) => `src/${name}`);
    expect([...table.keys()].sort()).toEqual(places.sort());
  });

  it('are those of docs/ARCHITECTURE.md', () => {
    expect(arrows.length).toBeGreaterThan(100);
    expect(findBreaches(arrows, table)).toEqual([]);
  });

  it('would be found if one were wrong', () => {
    const wrong = { from: 'src/core/decide.ts', to: 'src/store/journal.ts' };
    expect(findBreaches([...arrows, wrong], table)).toEqual([wrong]);
  });
});

/** Words that would make the core depend on more than its arguments. */
const impure =
  /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|Math\.random|\bprocess\b|\bset(?:Timeout|Interval|Immediate)\b|from 'node:/;

describe('the core', () => {
  it('knows no clock, no randomness, no environment, no timer and no file', () => {
    const files = readdirSync('src/core').filter((name) => impure.test(readFileSync(join('src/core', name), 'utf8')));
    expect(files).toEqual([]);
  });

  it('would be caught if it did', () => {
    for (const line of ['Date.now()', "import fs from 'node:fs'", 'Math.random()', 'process.env.X', 'setTimeout(f)']) {
      expect(line).toMatch(impure);
    }
  });
});
