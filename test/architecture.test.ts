/**
 * Goal: imports follow the table in docs/ARCHITECTURE.md and make no circle, and the core stays pure. Method:
 * dependency-cruiser reads the imports, those of types too; the table says which are allowed; partner tests show that a
 * forbidden import and a circle are found.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { beforeAll, describe, expect, it } from 'vitest';

interface Arrow {
  from: string;
  to: string;
}

/** Folder or file → what it may import; a place may have several rows. */
function readTable(markdown: string): Map<string, string[]> {
  const rows = [...markdown.matchAll(/^\| `(src[^`]*)` \|[^|]*\|[^|]*\|([^|]*)\|$/gm)];
  const table = new Map<string, string[]>();
  for (const [, owner = '', allowed = ''] of rows) {
    const places = [...allowed.matchAll(/`([^`]+)`/g)].map(([, place = '']) => place);
    table.set(owner, [...(table.get(owner) ?? []), ...places]);
  }
  return table;
}

const filesOf = '/*.ts';

/** A place is a file, a folder with all that is in it, or the files of a folder without its rooms: `src/coordinator/*.ts`. */
function isWithin(path: string, place: string): boolean {
  if (place.endsWith(filesOf)) return dirname(path) === place.slice(0, -filesOf.length);
  return path === place || path.startsWith(`${place}/`);
}

/** The arrows that the table does not allow. A file belongs to the longest place that holds it. */
function findBreaches(arrows: readonly Arrow[], table: ReadonlyMap<string, readonly string[]>): Arrow[] {
  const places = [...table.keys()].sort((a, b) => b.length - a.length);
  return arrows.filter(({ from, to }) => {
    const owner = places.find((place) => isWithin(from, place));
    if (owner === undefined) return true;
    return !isWithin(to, owner) && !table.get(owner)!.some((place) => isWithin(to, place));
  });
}

/** The files that import each other in a circle, each circle once, in the order in which it was met. */
function findCircles(arrows: readonly Arrow[]): string[][] {
  const imports = new Map<string, string[]>();
  for (const { from, to } of arrows) imports.set(from, [...(imports.get(from) ?? []), to]);
  const circles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, way: string[]): void => {
    if (way.includes(file)) circles.push(way.slice(way.indexOf(file)));
    else if (!done.has(file)) for (const to of imports.get(file) ?? []) visit(to, [...way, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return circles;
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
  it('every folder and file of src, and every room of the coordinator, has its row in the table', () => {
    const coordinator = readdirSync('src/coordinator', { withFileTypes: true });
    const rooms = coordinator.filter((entry) => entry.isDirectory()).map(({ name }) => `src/coordinator/${name}`);
    const places = readdirSync('src').map((name) => (name === 'coordinator' ? `src/${name}${filesOf}` : `src/${name}`));
    expect([...table.keys()].sort()).toEqual([...places, ...rooms].sort());
  });

  it('are those of docs/ARCHITECTURE.md', () => {
    expect(arrows.length).toBeGreaterThan(100);
    expect(findBreaches(arrows, table)).toEqual([]);
  });

  it('make no circle', () => {
    expect(findCircles(arrows)).toEqual([]);
  });

  it('would be found if they made a circle', () => {
    const back = { from: 'src/core/graph.ts', to: 'src/core/evolve.ts' };
    expect(findCircles([...arrows, back]).length).toBeGreaterThan(0);
    const [a, b, c] = ['a.ts', 'b.ts', 'c.ts'].map((name) => `src/${name}`) as [string, string, string];
    const circle = [
      { from: a, to: b },
      { from: b, to: c },
      { from: c, to: b },
    ];
    expect(findCircles(circle)).toEqual([[b, c]]);
  });

  it('would be found if one were wrong', () => {
    const wrong = [
      { from: 'src/core/decide.ts', to: 'src/store/journal.ts' },
      { from: 'src/coordinator/files/removals.ts', to: 'src/coordinator/calls/change.ts' },
      { from: 'src/pool/pool.ts', to: 'src/tasks/registry.ts' },
    ];
    expect(findBreaches([...arrows, ...wrong], table)).toEqual(wrong);
  });
});

/** Words that would make the core depend on more than its arguments. */
const impure =
  /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|Math\.random|\bprocess\b|\bset(?:Timeout|Interval|Immediate)\b|from 'node:/;

describe('the core', () => {
  it('knows no clock, no randomness, no environment, no timer and no file', () => {
    const names = readdirSync('src/core', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    expect(names).toContain('condition/evaluate.ts');
    expect(names.filter((name) => impure.test(readFileSync(join('src/core', name), 'utf8')))).toEqual([]);
  });

  it('would be caught if it did', () => {
    for (const line of ['Date.now()', "import fs from 'node:fs'", 'Math.random()', 'process.env.X', 'setTimeout(f)']) {
      expect(line).toMatch(impure);
    }
  });
});

interface WebImport {
  readonly file: string;
  readonly target: string;
  readonly isType: boolean;
}

/** The imports of files, by path from the root of the checkout; those of packages are left out. */
function webImports(file: string, text: string): WebImport[] {
  const found = [
    ...text.matchAll(/(?:import|export)(\s+type)?\b[^'";]*?from\s+'(\.[^']+)'|import\(\s*'(\.[^']+)'\s*\)/g),
  ];
  return found.map(([, type, from, loaded]) => ({
    file,
    target: join(dirname(file), from ?? loaded ?? ''),
    isType: type !== undefined,
  }));
}

/** The dashboard is a client of the REST API alone: of the engine it knows the types of the contract, and runs nothing. */
const isForbidden = ({ target, isType }: WebImport) =>
  !target.startsWith('web/') && !(isType && target.startsWith('src/contract/'));

/** What turns text into markup or code. */
const sink =
  /\b(?:innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|createContextualFragment|DOMParser)\b|document\.write|\beval\(|new Function\(/;

describe('the dashboard', () => {
  const files = readdirSync('web', { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => ({ file: join('web', name), text: readFileSync(join('web', name), 'utf8') }));

  it('imports itself, and types of src/contract', () => {
    const all = files.flatMap(({ file, text }) => webImports(file, text));
    expect(all.length).toBeGreaterThan(20);
    expect(all.filter(isForbidden)).toEqual([]);
  });

  it.each([
    ["import { a } from '../src/core/graph.ts';", true],
    ["import { a } from '../src/contract/ids.ts';", true],
    ["const a = await import('../src/contract/ids.ts');", true],
    ["import type { A } from '../src/core/graph.ts';", true],
    ["import type { A } from '../src/contract/ids.ts';", false],
    ["import {\n  a,\n} from './route.ts';", false],
  ])('%s would be found: %s', (text, isFound) => {
    expect(webImports('web/app.tsx', text).map(isForbidden)).toEqual([isFound]);
  });

  it('turns no text into markup or code, and writes no style into HTML', () => {
    expect(files.filter(({ text }) => sink.test(text)).map(({ file }) => file)).toEqual([]);
    expect(readFileSync('web/index.html', 'utf8')).not.toMatch(/style=|<style|\son\w+=|<script>/);
  });

  it.each(['a.innerHTML = b', 'eval(a)', 'document.write(a)', 'new Function(a)'])('%s would be found', (line) => {
    expect(line).toMatch(sink);
  });
});

/** The extension shares the dashboard's looks and its way with refusals, and nothing that holds the dashboard's state. */
const sharedWithExtension = ['web/ui/', 'web/output/safe-text.ts', 'web/wire/problem.ts'];
const isForbiddenInExtension = ({ target, isType }: WebImport) =>
  ![...sharedWithExtension, 'extension/'].some((place) => target.startsWith(place)) &&
  !(isType && target.startsWith('src/contract/'));

describe('the extension', () => {
  const files = readdirSync('extension', { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => ({ file: join('extension', name), text: readFileSync(join('extension', name), 'utf8') }));

  it('imports itself, what it shares with the dashboard, and types of src/contract', () => {
    const all = files.flatMap(({ file, text }) => webImports(file, text));
    expect(all.length).toBeGreaterThan(20);
    expect(all.filter(isForbiddenInExtension)).toEqual([]);
  });

  it.each([
    ["import { a } from '../web/wire/api.ts';", true],
    ["import { a } from '../src/contract/limits.ts';", true],
    ["import type { A } from '../src/contract/limits.ts';", false],
    ["import { a } from '../web/ui/pill.tsx';", false],
  ])('%s would be found: %s', (text, isFound) => {
    expect(webImports('extension/popup.tsx', text).map(isForbiddenInExtension)).toEqual([isFound]);
  });

  it('turns no text into markup or code', () => {
    // A page is read as markup, to be sent; nothing is made of markup.
    const reading = 'inert.documentElement.outerHTML';
    expect(files.filter(({ text }) => sink.test(text.replace(reading, ''))).map(({ file }) => file)).toEqual([]);
  });
});

describe('lists as arguments', () => {
  // A call takes some hundred thousand arguments, and then throws: a list that a client or a file has made may be longer.
  const spread =
    /\.(?:push|unshift|splice|concat)\([^()[\]{}]*\.\.\.|Math\.(?:max|min)\(\.\.\.|String\.from\w+\(\.\.\./;

  it('no list is spread over the arguments of a call', () => {
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const found = sources.flatMap((name) =>
      readFileSync(join('src', name), 'utf8')
        .split('\n')
        .flatMap((line, i) => (spread.test(line) ? [`${name}:${i + 1}`] : [])),
    );
    expect(found).toEqual([]);
  });

  it.each(['a.push(...b)', 'a.push(b, ...c)', 'Math.max(...a)', 'a.splice(0, 1, ...b)', 'String.fromCharCode(...a)'])(
    '%s would be found',
    (line) => {
      expect(spread.test(line)).toBe(true);
    },
  );
});
