/**
 * Goal: a reader of the docs finds every file that they name, and can read them in a terminal. Method: every page is read; each
 * path in backticks and each relative link must exist, and no line of text is wider than its bound. Partner tests show
 * that each check can fail. What `npm run nightly` writes in docs/nightly is left out.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const columnsMax = 120;
const pages = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('nightly'))
    .map((name) => path.join('docs', name)),
];

interface Line {
  readonly number: number;
  readonly text: string;
}

/** The lines outside fenced code. */
function textLines(markdown: string): Line[] {
  let isCode = false;
  return markdown.split('\n').flatMap((text, index) => {
    const isFence = text.trimStart().startsWith('```');
    if (isFence) isCode = !isCode;
    return isFence || isCode ? [] : [{ number: index + 1, text }];
  });
}

/** Paths, from the root of the checkout, that a page names in backticks or in links; patterns (`*`, `<id>`) name none. */
function namedPaths(page: string, markdown: string): string[] {
  const text = textLines(markdown)
    .map((line) => line.text)
    .join('\n');
  const inBackticks = [...text.matchAll(/`((?:src|test|docs|bench)\/[^`\s*<]*)`/g)].map(([, name = '']) => name);
  const linked = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target.split('#')[0] ?? '')
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .map((target) => path.join(path.dirname(page), target));
  return [...inBackticks, ...linked];
}

function missingPaths(page: string, markdown: string): string[] {
  return namedPaths(page, markdown).filter((name) => !existsSync(name));
}

function wideLines(markdown: string): number[] {
  return textLines(markdown)
    .filter(({ text }) => [...text].length > columnsMax)
    .map(({ number }) => number);
}

describe('the paths that a page names', () => {
  it.each(pages)('exist: %s', (page) => {
    expect(missingPaths(page, readFileSync(page, 'utf8'))).toEqual([]);
  });

  it('are looked for in every page together', () => {
    expect(pages.flatMap((page) => namedPaths(page, readFileSync(page, 'utf8'))).length).toBeGreaterThan(100);
  });

  it('are missed when they do not exist, in backticks and in links, on two lines and with a heading', () => {
    const page = [
      '`src/main.ts`, `src/gone.ts`, `src/core/*.ts` and `test/gone/` lie',
      'in the checkout; so do [a page](glossary.md#money), [a',
      'lost page](adr/0099-lost.md#why), [a source](../src/config.ts), [another](../src/lost.ts), [a site](https://example.org)',
      'and [a heading](#here).',
    ].join('\n');
    expect(missingPaths('docs/page.md', page)).toEqual([
      'src/gone.ts',
      'test/gone/',
      'docs/adr/0099-lost.md',
      'src/lost.ts',
    ]);
  });
});

describe('the lines of a page', () => {
  it.each(pages)(`are at most ${columnsMax} columns wide: %s`, (page) => {
    expect(wideLines(readFileSync(page, 'utf8'))).toEqual([]);
  });

  it('are found when they are too wide, in tables and after code too, but not in code', () => {
    const fits = 'é'.repeat(columnsMax);
    const wide = `${fits}.`;
    const page = [fits, wide, '```sh', wide, '```', `| ${fits} |`, '  ```', wide, '  ```', wide].join('\n');
    expect(wideLines(page)).toEqual([2, 6, 10]);
  });
});
