/** Bugs in the bounds on what a client's or a template's data makes the engine do. */
import type { Mutant } from './mutant.ts';

const checker = 'src/templates/params-checker.ts';
const checkerTest = 'test/templates/params-checker.test.ts';

export const boundsMutants: readonly Mutant[] = [
  {
    name: 'a check of params has no deadline',
    breaks: 'PC2',
    file: checker,
    find: 'await this.#pool.run(check, { signal })',
    replace: 'await this.#pool.run(check)',
    test: checkerTest,
  },
  {
    name: 'the deadline of a check counts the checks before it',
    breaks: 'PC2',
    file: checker,
    find: 'this.#turn.then(() => this.#check(what, check))',
    replace: 'this.#check(what, check)',
    test: checkerTest,
  },
  {
    name: 'any number of checks may wait',
    breaks: 'PC3',
    file: checker,
    find: 'this.#waiting >= waitingMax',
    replace: 'this.#waiting > 100 * waitingMax',
    test: checkerTest,
  },
  {
    name: 'every fault of a definition is kept',
    breaks: 'H5',
    file: 'src/core/validate-graph.ts',
    find: 'if (this.#count <= errorsMax) this.#first.push(fault);',
    replace: 'this.#first.push(fault);',
    test: 'test/core/validate.test.ts',
  },
  {
    name: 'the range error of a schema is thrown on',
    breaks: 'H5',
    file: 'src/contract/bounded-parse.ts',
    find: 'if (!(error instanceof RangeError)) throw error;',
    replace: 'throw error;',
    test: 'test/contract/bounded-parse.test.ts',
  },
  {
    name: 'a value in a query keeps its ampersands',
    breaks: 'AD3',
    file: 'src/core/address.ts',
    find: "region === 'query' ? encodeURIComponent(value)",
    replace: "region === 'query' ? encodeURI(value)",
    test: 'test/core/bindings.test.ts',
  },
  {
    name: 'a slash in a path is encoded',
    breaks: 'AD2',
    file: 'src/core/address.ts',
    find: "value.split('/').map(encodeURIComponent).join('/')",
    replace: 'encodeURIComponent(value)',
    test: 'test/core/bindings.test.ts',
  },
  {
    name: 'a segment of two dots is looked for where the value begins alone',
    breaks: 'AD4',
    file: 'src/core/address.ts',
    find: '      touched.set(at + 1, part.name);',
    replace: '      continue;',
    test: 'test/core/bindings.test.ts',
  },
  {
    name: 'a value that brings the host is encoded',
    breaks: 'AD1',
    file: 'src/core/address.ts',
    find: "if (region === 'beginning') return value;",
    replace: '',
    test: 'test/core/bindings.test.ts',
  },
  {
    name: 'the names of all params are listed for each reference to none of them',
    breaks: 'X11',
    file: 'src/core/validate.ts',
    find: "if (check.guesses.left === 0) return '';",
    replace: "if ([...names()].length > 0 && check.guesses.left === 0) return '';",
    test: 'test/load/growth.test.ts',
    only: 'ten times the input',
  },
];
