/** Bugs in the browser extension, and in what keeps pages of other origins out. */
import type { Mutant } from './mutant.ts';

const captures = 'extension/captures.ts';
const capturesTest = 'test/extension/captures.test.ts';
const page = 'extension/page.ts';
const pageTest = 'test/extension/page.test.ts';
const workerTest = 'test/extension/worker.test.ts';
const guard = 'src/server/guard.ts';
const foreignTest = 'test/extension/foreign-pages.test.ts';
const requestTest = 'test/extension/request.test.ts';

export const extensionMutants: readonly Mutant[] = [
  {
    name: 'what a step takes is shown as it was written',
    breaks: 'marks that cannot be seen are shown (X49)',
    file: 'web/ui/taken.ts',
    find: "toSafeLine(rules.join(' '))",
    replace: "rules.join(' ')",
    test: 'test/web/taken.test.ts',
  },
  {
    name: 'each try of a capture has a key of its own',
    breaks: 'a lost answer brings no page twice (QC1)',
    file: captures,
    find: 'await send(toRequest(content, row.target), row.key);',
    replace: 'await send(toRequest(content, row.target), this.#newKey());',
    test: capturesTest,
  },
  {
    name: 'a capture leaves the queue while the engine is away',
    breaks: 'a capture stays until the engine has it (QC2)',
    file: captures,
    find: "if (outcome.kind === 'sent') await this.#store.remove(id);",
    replace: "if (outcome.kind === 'sent' || outcome.kind === 'away') await this.#store.remove(id);",
    test: capturesTest,
  },
  {
    name: 'a capture that may be with the engine can go elsewhere',
    breaks: 'one capture goes to one target (QC1)',
    file: captures,
    find: "if (row.isTried) throw new Error('This capture is on its way already');",
    replace: '',
    test: capturesTest,
  },
  {
    name: 'one capture above the bound is kept',
    breaks: 'the queue is bounded (QC4)',
    file: captures,
    find: 'rows.length >= rowsMax',
    replace: 'rows.length > rowsMax',
    test: capturesTest,
  },
  {
    name: 'a call that found no engine counts as refused',
    breaks: 'what is put off is sent again',
    file: 'extension/engine.ts',
    find: 'status === 0 || status === 408',
    replace: 'status === 408',
    test: requestTest,
  },
  {
    name: 'a capture is measured in characters',
    breaks: 'what the engine does not take is said before it is sent',
    file: 'extension/request.ts',
    find: 'new TextEncoder().encode(body).length;',
    replace: 'body.length;',
    test: requestTest,
  },
  {
    name: 'what stands in fields is captured',
    breaks: 'what is typed stays behind (X50)',
    file: page,
    find: "made.removeAttribute('value');\n        continue;",
    replace: '',
    test: pageTest,
  },
  {
    name: 'a page function names what lies outside it',
    breaks: 'functions that go into pages are whole by themselves',
    file: page,
    find: 'hasSelection: (getSelection()',
    replace: 'hasSelection: (outside()',
    test: pageTest,
  },
  {
    name: 'by key a capture goes to the first of several steps',
    breaks: 'nobody chooses for a person',
    file: 'extension/worker.ts',
    find: 'steps.length === 1 ?',
    replace: 'steps.length >= 1 ?',
    test: workerTest,
  },
  {
    name: 'a capture that another look has sent counts as not sent',
    breaks: 'the popup says what became of a capture',
    file: 'extension/worker.ts',
    find: '(this.#outcomes.get(id) ?? null)',
    replace: 'null',
    test: workerTest,
    only: 'a look tells what became of a capture that another look has sent',
  },
  {
    name: 'a refused token looks like an engine that is away',
    breaks: 'the popup asks to pair again',
    file: 'extension/engine.ts',
    find: "if (status === 401 || isForeignOrigin(status, code, detail)) return { kind: 'unpaired', detail };",
    replace: '',
    test: workerTest,
  },
  {
    name: 'any origin is reflected',
    breaks: 'no page of another origin reads or does anything (X3, X45)',
    file: guard,
    find: '(isOwn || origins.includes(origin))) return',
    replace: "(isOwn || origins.includes(origin) || origin.startsWith('http'))) return",
    test: foreignTest,
  },
  {
    name: 'a body of text is read as JSON',
    breaks: 'a call that no preflight guards has no effect, should the check of the Origin fail (X2)',
    file: 'src/server/body.ts',
    find: "checkHeaders(request: IncomingMessage, types = ['application/json'])",
    replace: "checkHeaders(request: IncomingMessage, types = ['application/json', 'text/plain'])",
    test: 'test/server/guard.test.ts',
  },
  {
    name: 'event streams are open to every origin',
    breaks: 'no page of another origin hears events (X45)',
    file: guard,
    find: '(isOwn || origins.includes(origin))) return',
    replace: "(isOwn || origins.includes(origin) || ctx.path === '/api/events')) return",
    test: foreignTest,
    only: 'an EventSource',
  },
];
