/** Bugs in the extraction of pages. */
import type { Mutant } from './mutant.ts';

const pages = 'test/tasks/pages.test.ts';
const extract = 'test/tasks/html-extract.test.ts';

export const pagesMutants: Mutant[] = [
  {
    name: 'what is assigned to innerHTML is read by a parser that knows no optional tags',
    breaks: 'pages are read as HTML5',
    file: 'src/tasks/page/tree.ts',
    find: "  Object.defineProperty(prototype, 'innerHTML', {",
    replace: "  Object.defineProperty({}, 'innerHTML', {",
    test: 'test/tasks/tree.test.ts',
  },
  {
    name: 'text behind a flattened element comes before it',
    breaks: 'deep nesting is flattened in order',
    file: 'src/tasks/page/tree.ts',
    find: 'return at.depth < depthMax || at.target.nextSibling === null;',
    replace: 'return at.depth <= depthMax;',
    test: extract,
    only: 'keeps the order',
  },
  {
    name: 'a base counts from nothing',
    breaks: 'links resolve as in browsers',
    file: 'src/tasks/page/addresses.ts',
    find: 'parseAddress(href, own)',
    replace: 'parseAddress(href, undefined)',
    test: extract,
    only: 'resolves links',
  },
  {
    name: 'links of every scheme come out',
    breaks: 'no link runs a script',
    file: 'src/tasks/page/addresses.ts',
    find: 'return schemes.has(parsed.protocol) ? toDestination(parsed.href) : null;',
    replace: 'return toDestination(parsed.href);',
    test: pages,
  },
  {
    name: 'spans are followed wherever they lead',
    breaks: 'a table is no larger than its cells',
    file: 'src/tasks/page/tables.ts',
    find: 'if (places > placesMax) return null;',
    replace: '',
    test: extract,
    only: 'spans',
  },
  {
    name: 'a page may mark its own formulas',
    breaks: 'captured pages are not trusted',
    file: 'src/tasks/page/formulas.ts',
    find: "for (const element of root.querySelectorAll('[data-formula]')) element.removeAttribute('data-formula');",
    replace: '',
    test: extract,
    only: 'no formula',
  },
  {
    name: 'a formula keeps its sign of less',
    breaks: 'captured pages are not trusted',
    file: 'src/tasks/page/formulas.ts',
    find: ".replaceAll('<', '\\\\lt ')",
    replace: '',
    test: extract,
    only: 'no formula',
  },
];
