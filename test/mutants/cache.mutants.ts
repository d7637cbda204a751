/** Bugs in the cache of answers. */
import type { Mutant } from './mutant.ts';

const steps = 'test/coordinator/steps/step-cache.test.ts';

export const cacheMutants: Mutant[] = [
  {
    name: 'the cache takes the params out of its keys',
    breaks: 'SC1',
    file: 'src/coordinator/steps/step-cache.ts',
    find: 'toCanonicalJson([action, version, asked, params, ...places])',
    replace: 'toCanonicalJson([action, version, asked, ...places])',
    test: steps,
    only: 'other params, bound or written, are another question',
  },
  {
    name: 'all who ask the same at once go',
    breaks: 'SC2',
    file: 'src/coordinator/steps/step-cache.ts',
    find: 'if (answer === null && key !== null && this.#going.has(key)) {',
    replace: 'if (answer === null && key !== null && key === "") {',
    test: steps,
    only: 'of many who ask the same at once one goes',
  },
  {
    name: 'an answer from the cache is entered as spending',
    breaks: 'M3',
    file: 'src/core/ledger.ts',
    find: '  if (metrics?.cost_source === cachedCost) return rows;\n',
    replace: '',
    test: 'test/core/ledger.test.ts',
    only: 'an answer from the cache is no call',
  },
  {
    name: 'a damaged answer of the cache is given out',
    breaks: 'CF2',
    file: 'src/store/cache-files.ts',
    find: ' && text.startsWith(toHead(key, json))',
    replace: '',
    test: 'test/store/cache-files.test.ts',
    only: 'an answer whose file was',
  },
];
