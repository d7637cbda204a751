/** Goal: a page is there at once, also over a slow line. Method: the dashboard is built, and the bytes of its files counted. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildWeb } from '../../scripts/build-web.js';

const kilobyte = 1_000;

let place: string;
let names: string[];
let page: string;
beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'hybrid-size-'));
  await buildWeb(place);
  names = readdirSync(join(place, 'web/assets'));
  page = readFileSync(join(place, 'web/index.html'), 'utf8');
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const pathOf = (name: string) => join(place, 'web/assets', name);
const bytesOf = (name: string) => statSync(pathOf(name)).size;
/** The one file of this name, whatever its hash. */
const fileOf = (name: string) => {
  const found = names.filter((file) => new RegExp(`^${name}-[A-Z0-9]{8}\\.\\w+(?:\\.gz)?$`).test(file));
  expect(found, name).toHaveLength(1);
  return found[0]!;
};

/** A script and all that it imports before it runs. */
function closure(start: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    if (!name.endsWith('.js.gz')) return;
    const text = gunzipSync(readFileSync(pathOf(name))).toString('utf8');
    for (const [, next] of text.matchAll(/(?:from|import)"\.\/([\w-]+\.js)"/g)) visit(`${next}.gz`);
  };
  for (const name of start) visit(name);
  return found;
}

const firstFiles = () => [...page.matchAll(/\/assets\/([\w-]+\.(?:js|css))/g)].map(([, name]) => `${name}.gz`);
const sum = (files: Iterable<string>) => [...files].reduce((bytes, name) => bytes + bytesOf(name), 0);

describe('the first load', () => {
  it.each([
    ['the list of runs', ['list-page', 'runs'], 60],
    ['a run, until its graph is drawn', ['run-page', 'run-worker'], 56],
    ['a run with its timeline', ['run-page', 'run-worker', 'timeline-pane'], 60],
  ])('of %s is within its bound for scripts and styles', (_, parts, kilobytes) => {
    const files = closure([...firstFiles(), ...parts.map(fileOf)]);
    expect(files.size).toBeGreaterThan(4);
    expect(sum(files)).toBeLessThanOrEqual(kilobytes * kilobyte);
  });

  it('names all chunks of the shell, so that none waits for another', () => {
    const named = new Set(firstFiles());
    const app = firstFiles().filter((name) => name.startsWith('app-'));
    expect(app).toHaveLength(2);
    expect([...closure(app)].filter((name) => !named.has(name))).toEqual([]);
  });

  it('takes a font of at most 50 KB', () => {
    expect(bytesOf(fileOf('inter-latin-wght-normal'))).toBeLessThanOrEqual(50 * kilobyte);
  });
});

describe('what is loaded when it is needed', () => {
  it.each([
    ['editor', 135],
    ['markdown', 18],
    ['day-chart', 25],
  ])('%s takes at most %s KB', (name, kilobytes) => {
    expect(bytesOf(fileOf(name))).toBeLessThanOrEqual(kilobytes * kilobyte);
  });
});

describe('the package', () => {
  it('grows by at most 400 KB', () => {
    const files = readdirSync(join(place, 'web'), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(place, 'web', name),
    );
    const bytes = files.reduce((all, file) => all + (statSync(file).isFile() ? statSync(file).size : 0), 0);
    expect(bytes).toBeLessThanOrEqual(400 * kilobyte);
  });

  it('brings the licences of all that went into it', () => {
    const licences = readFileSync(join(place, 'web/LICENSES.txt'), 'utf8');
    for (const name of [
      'preact',
      '@preact/signals',
      '@codemirror/view',
      'marked',
      'uplot',
      'yaml',
      '@fontsource-variable/inter',
    ]) {
      expect(licences).toContain(`${name} `);
    }
    expect(licences.length).toBeGreaterThan(10_000);
    // The terms once where they are the same, with the notices of all who use them.
    expect(licences.match(/Permission is hereby granted, free of charge/g)?.length).toBeLessThan(5);
    for (const notice of ['Marijn Haverbeke', 'Preact Team', 'Jason Miller', 'Espen Hovlandsdal'])
      expect(licences).toContain(notice);
  });
});
