/** Bugs in how conditions and lists over large data are decided: who reads, how much, and what an old answer may do. */
import type { Mutant } from './mutant.ts';

const far = 'test/coordinator/steps/far-data.test.ts';
const inquiries = 'test/coordinator/steps/inquiries.test.ts';

export const inquiriesMutants: Mutant[] = [
  {
    name: 'conditions over blobs are asked at the coordinator, which parses them',
    breaks: 'CD2',
    file: 'src/coordinator/steps/needed-outputs.ts',
    find: 'this.blobs.length > 0 || this.bytes > charsMax',
    replace: 'this.bytes > 1e9',
    test: far,
    only: 'whose data is in a blob',
  },
  {
    name: 'an item of a large list is parsed at the coordinator so that the reader can have it',
    breaks: 'CD2',
    file: 'src/coordinator/steps/inquiry-parts.ts',
    find: 'return text === undefined ? { value: itemOf(',
    replace: 'return text !== null ? { value: itemOf(',
    test: 'test/coordinator/steps/condition-cost.test.ts',
    only: 'item == params.big',
  },
  {
    name: 'what was read for a step before it was stopped decides it when it is ready again',
    breaks: 'SW1',
    file: 'src/coordinator/steps/control-steps.ts',
    find: 'if (this.#readings.get(key) !== reading) return;',
    replace: '',
    test: far,
    only: 'SW1',
  },
  {
    name: 'an outer list is forgotten while the lists within it are read',
    breaks: 'FL1',
    file: 'src/coordinator/steps/step-scope.ts',
    find: 'if (list !== undefined && kept?.delete(group.id)) kept.set(group.id, list);',
    replace: '',
    test: far,
    only: 'within an item of a large list',
  },
  {
    name: 'one inquiry whose data is too much has no neighbour answered',
    breaks: 'IQ1',
    file: 'src/coordinator/steps/inquiries.ts',
    find: '} else if (asked.length > 1) {',
    replace: '} else if (asked.length > 1_000) {',
    test: inquiries,
  },
  {
    name: 'a batch reads as much as there is',
    breaks: 'IQ2',
    file: 'src/coordinator/steps/inquiries.ts',
    find: 'bytes + added <= limits.inquiryBytesMax',
    replace: 'added <= limits.inquiryBytesMax',
    test: inquiries,
  },
  {
    name: 'the reader takes bytes for a blob that are not its own',
    breaks: 'V2',
    file: 'src/reader/answer.ts',
    find: "createHash('sha256').update(bytes).digest('hex') !== blob",
    replace: 'bytes.length === 0',
    test: 'test/reader/answer.test.ts',
  },
  {
    name: 'a batch that takes too long keeps the thread',
    breaks: 'TD1',
    file: 'src/reader/thread-reader.ts',
    find: 'if (this.#worker === worker) this.#worker = null;',
    replace: '',
    test: 'test/reader/thread-reader.test.ts',
    only: 'memory',
  },
  {
    name: 'a forEach that leads to an object goes through its fields',
    breaks: 'F1',
    file: 'src/core/item-list.ts',
    find: '? bound : { item: bound }',
    replace: '? bound : bound',
    test: 'test/core/item-list.test.ts',
  },
];
