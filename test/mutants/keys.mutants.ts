/** Bugs in what counts as the same request under one Idempotency-Key. */
import type { Mutant } from './mutant.ts';

const test = 'test/engine/idempotency.test.ts';

export const keysMutants: Mutant[] = [
  {
    name: 'the same request in another order of fields is another one',
    breaks: 'K2',
    file: 'src/engine/arguments.ts',
    find: 'toCanonicalJson(JSON.parse(asSent))',
    replace: 'asSent',
    test,
    only: 'in another order is the same request',
  },
  {
    name: 'dates and what else only becomes JSON in its text are not told apart',
    breaks: 'K2',
    file: 'src/engine/arguments.ts',
    find: 'toCanonicalJson(JSON.parse(asSent))',
    replace: 'toCanonicalJson([call, args])',
    test,
    only: 'objects that JSON has no word for',
  },
  {
    name: 'a key of an earlier engine is not known again',
    breaks: 'K2, G1',
    file: 'src/coordinator/calls/keyed-calls.ts',
    find: ' && record.request !== claim.requestAsSent',
    replace: '',
    test,
    only: 'that an earlier engine has recorded',
  },
  {
    name: 'the request as it was sent is recorded, and no other order is known after that',
    breaks: 'K2',
    file: 'src/coordinator/recorder.ts',
    find: 'const { key, request } = claim;',
    replace: 'const { key, requestAsSent: request } = claim;',
    test,
    only: 'in another order is the same request',
  },
  {
    name: 'lists in another order are the same request',
    breaks: 'K2',
    file: 'src/core/canonical-json.ts',
    find: 'if (Array.isArray(part)) return part.map(toSorted);',
    replace: 'if (Array.isArray(part)) return part.map(toSorted).sort();',
    test,
    only: 'lists in another order',
  },
  {
    name: 'fields named __proto__ are left out of the request',
    breaks: 'K2',
    file: 'src/core/canonical-json.ts',
    find: " || name === '__proto__'",
    replace: '',
    test,
    only: 'objects that JSON has no word for',
  },
];
