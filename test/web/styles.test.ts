/**
 * Goal: a page looks the same whichever pages were shown before it. Method: sheets stay when they are loaded, so each
 * selector outside of an at-rule may stand in one sheet alone; all sheets of `web/` are read.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** The selectors of a sheet that no `@media` or other at-rule holds, each once. */
function topSelectors(css: string): Set<string> {
  const found = new Set<string>();
  let depth = 0;
  for (const [, text, mark] of css.replaceAll(/\/\*.*?\*\//gs, '').matchAll(/([^{};]*)([{};])/g)) {
    if (mark === '{' && depth === 0 && !text!.trim().startsWith('@')) {
      for (const one of text!.split(',')) found.add(one.trim().replaceAll(/\s+/g, ' '));
    }
    if (mark !== ';') depth += mark === '{' ? 1 : -1;
  }
  return found;
}

/** Which sheet a folder's pages load beside what all have (`web/app.css`). */
const ownSheets: Readonly<Record<string, readonly string[]>> = {
  run: ['run/drawer.css', 'output/output.css'],
  output: ['run/drawer.css', 'output/output.css'],
  runs: ['runs/runs.css'],
  ui: [],
  wire: [],
};
const commonSheets = ['theme.css', 'ui/ui.css', 'shell.css', 'run/run.css'];
const otherSheets = ['pages.css'];

const read = (name: string) => readFileSync(`web/${name}`, 'utf8');
const filesOf = (ending: string) =>
  readdirSync('web', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(ending));
const classesIn = (css: string) =>
  new Set([...css.replaceAll(/\/\*.*?\*\//gs, '').matchAll(/\.([a-z][\w-]*)/g)].map(([, name]) => name!));
/** Classes that a component names outright. */
const classesOf = (source: string) =>
  [...source.matchAll(/class=(?:"([^"]*)"|\{`([^`]*)`\})/g)].flatMap(([, plain, built]) =>
    (plain ?? built!.replaceAll(/\$\{[^}]*\}/g, ' ')).split(/\s+/).filter((name) => /^[a-z]/.test(name)),
  );

/** Each selector that several sheets have, with their names. */
function sharedSelectors(sheets: ReadonlyMap<string, string>): Record<string, string[]> {
  const owners = new Map<string, string[]>();
  for (const [name, css] of sheets) {
    for (const selector of topSelectors(css)) owners.set(selector, [...(owners.get(selector) ?? []), name]);
  }
  return Object.fromEntries([...owners].filter(([, names]) => names.length > 1));
}

describe('style sheets', () => {
  it('have each selector in one of them', () => {
    const names = filesOf('.css');
    expect(names.length).toBeGreaterThan(8);
    expect(sharedSelectors(new Map(names.map((name) => [name, read(name)])))).toEqual({});
  });

  it('give no looks to a class that a page uses which does not load them', () => {
    const common = new Set(commonSheets.flatMap((name) => [...classesIn(read(name))]));
    const sheets = filesOf('.css').filter((name) => !commonSheets.includes(name));
    const foreign = filesOf('.tsx').flatMap((file) => {
      const own = (file.includes('/') ? ownSheets[file.split('/')[0]!] : undefined) ?? otherSheets;
      const known = new Set([...common, ...own.flatMap((name) => [...classesIn(read(name))])]);
      return classesOf(read(file)).flatMap((name) =>
        sheets
          .filter((sheet) => !known.has(name) && classesIn(read(sheet)).has(name))
          .map((sheet) => `${file}: ${name} of ${sheet}`),
      );
    });
    expect(foreign).toEqual([]);
  });

  it('are read as a browser reads them: comments, lists and at-rules apart', () => {
    const sheets = new Map([
      ['a.css', '/* .c {} */ .a,\n.b  button { color: red; margin: 0 }\n@media (width > 1px) { .c { color: red } }'],
      ['b.css', '@import "x.css"; .b button { color: red } .c { color: red }'],
    ]);
    expect(sharedSelectors(sheets)).toEqual({ '.b button': ['a.css', 'b.css'] });
  });
});
