// Goal: no package has a version with a known fault, and none that users install runs a script or comes unchecked.
// Method: the lock file against the floors that docs/dependencies.md names; partner tests show that each check can fail.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isSupportedNode, supportedNodes } from '../src/cli/node-version.ts';

interface Locked {
  version?: string;
  dev?: boolean;
  hasInstallScript?: boolean;
  integrity?: string;
}

const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const lock: Record<string, Locked> = readJson('package-lock.json').packages;
const rows = [...readFileSync('docs/dependencies.md', 'utf8').matchAll(/^\| (\S+) \| (\d+\.\d+\.\d+) \|/gm)];
const floors = new Map(rows.map(([, name = '', floor = '']) => [name, floor]));

/** Negative when `a` is the older one. */
function compare(a: string, b: string): number {
  // 1.0.0-beta is older than 1.0.0.
  const parts = (version: string) => version.split(/[.-]/).map((part) => (/^\d+$/.test(part) ? Number(part) : -1));
  const [left, right] = [parts(a), parts(b)];
  const at = left.findIndex((part, n) => part !== (right[n] ?? 0));
  return at === -1 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

function findBelow(packages: Record<string, Locked>): string[] {
  return Object.entries(packages).flatMap(([path, { version = '' }]) => {
    const floor = floors.get(nameOf(path));
    return floor !== undefined && compare(version, floor) < 0 ? [`${path} ${version} is below ${floor}`] : [];
  });
}

const findScripts = (packages: Record<string, Locked>) =>
  Object.entries(packages).flatMap(([path, { dev, hasInstallScript }]) => (hasInstallScript && !dev ? [path] : []));

describe('the lock file', () => {
  it('holds no version below its floor', () => {
    expect([...floors.keys()]).toEqual([
      '@koa/router',
      '@mozilla/readability',
      'formidable',
      'jsonata',
      'koa',
      'liquidjs',
      'path-to-regexp',
      'qs',
      'undici',
    ]);
    for (const name of floors.keys()) expect(Object.keys(lock).map(nameOf)).toContain(name);
    expect(findBelow(lock)).toEqual([]);
  });

  it.each([
    ['node_modules/jsonata', '2.2.0', true],
    ['node_modules/jsonata', '2.2.1', false],
    ['node_modules/jsonata', '2.10.0', false],
    ['node_modules/jsonata', '2.2.1-rc.1', true],
    ['node_modules/x/node_modules/liquidjs', '10.27.0', true],
    ['node_modules/x/node_modules/liquidjs', '9.99.99', true],
    ['node_modules/@koa/router', '14.9.9', true],
    ['node_modules/router', '1.0.0', false],
  ])('with %s %s is refused: %s', (path, version, isRefused) => {
    expect(findBelow({ [path]: { version } })).toHaveLength(isRefused ? 1 : 0);
  });

  it('brings users no package that runs a script when it is installed, and each with its checksum', () => {
    expect(findScripts(lock)).toEqual([]);
    expect(findScripts({ a: { hasInstallScript: true }, b: { hasInstallScript: true, dev: true } })).toEqual(['a']);
    const users = Object.entries(lock).filter(([path, { dev }]) => path !== '' && !dev);
    expect(users.length).toBeGreaterThan(100);
    expect(users.filter(([, { integrity }]) => !integrity).map(([path]) => path)).toEqual([]);
  });
});

describe('the versions of Node', () => {
  it('are said the same in package.json, in the lock file and by the command', () => {
    expect(readJson('package.json').engines.node).toBe(supportedNodes);
    expect((lock[''] as { engines?: unknown }).engines).toEqual({ node: supportedNodes });
  });

  it.each([
    ['18.20.8', false],
    ['20.18.3', false],
    ['20.19.0', true],
    ['21.7.3', false],
    ['22.12.0', false],
    ['22.13.0', true],
    ['23.11.1', false],
    ['24.0.0', true],
    ['26.10.0', true],
    ['100.0.0', true],
  ])('%s: %s', (version, isSupported) => {
    expect(isSupportedNode(version)).toBe(isSupported);
  });
});
