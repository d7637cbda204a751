/** Bugs in the writer of state.json and of the queue file: what views cost, how often they are written, what they say of blobs. */
import type { Mutant } from './mutant.ts';

export const filesMutants: readonly Mutant[] = [
  {
    name: 'who has waited for a write of the queue file does not look whether another has begun the next',
    breaks: 'W2',
    file: 'src/coordinator/files/queue-file.ts',
    find: 'while (this.#writing !== null) await this.#writing;',
    replace: 'await this.#writing;',
    test: 'test/coordinator/files/queue-file.test.ts',
  },
  {
    name: 'the text of the queue file is made after the call that is measured',
    breaks: 'W2',
    file: 'src/store/queue-file.ts',
    find: 'return this.#low.write();',
    replace: 'return this.#adapter.turn.then(() => this.#low.write());',
    test: 'test/coordinator/files/queue-file.test.ts',
  },
  {
    name: 'the pace of the queue file measures a list of its items alone',
    breaks: 'W2',
    file: 'src/coordinator/files/queue-file.ts',
    find: '.measure(() => this.#store.writeQueue([...this.#items.values()], { durable: false }))',
    replace:
      '.measure(async () => [...this.#items.values()])\n      .then((items) => this.#store.writeQueue(items, { durable: false }))',
    test: 'test/coordinator/files/queue-file.test.ts',
  },
  {
    name: 'the pace of state files measures their encoding alone',
    breaks: 'W2',
    file: 'src/coordinator/files/state-files.ts',
    find: `const sha256 = await this.#pace.measure(() =>
        store.writeState(id, live.encoder.encodePieces(live.state), { ...toMeta(live.state) }, { durable }),
      );`,
    replace: `const pieces = this.#pace.measure(() => live.encoder.encodePieces(live.state));
      const sha256 = await store.writeState(id, pieces, { ...toMeta(live.state) }, { durable });`,
    test: 'test/coordinator/files/state-files.test.ts',
  },
  {
    name: 'the bytes of a state.json are made when its turn comes',
    breaks: 'W2',
    file: 'src/store/workflow-directories.ts',
    find: `const { bytes, sha256 } = composeState(text, named, buffer);
    return this.#queue
      .run(id, async () => {
`,
    replace: `return this.#queue
      .run(id, async () => {
        const { bytes, sha256 } = composeState(text, named, buffer);
`,
    test: 'test/coordinator/files/state-files.test.ts',
  },
  {
    name: 'a pause between views is over before what they have cost since it began',
    breaks: 'W2',
    file: 'src/coordinator/files/write-pace.ts',
    find: 'if (this.#leftMs > 0) {',
    replace: 'if (this.#leftMs < 0) {',
    test: 'test/coordinator/files/write-pace.test.ts',
  },
  {
    name: 'large outputs are parsed and indented',
    breaks: 'docs/adr/0017',
    file: 'src/core/field-text.ts',
    find: "return outputs.json === '{}' || isCompact(outputs) ? outputs.json",
    replace: "return outputs.json === '{}' ? outputs.json",
    test: 'test/core/view.test.ts',
  },
  {
    name: 'outputs of exactly 2 KiB are not indented',
    breaks: 'docs/adr/0017',
    file: 'src/core/field-text.ts',
    find: 'outputsIndentedLengthMax = 2 * 1024;',
    replace: 'outputsIndentedLengthMax = 2 * 1024 - 1;',
    test: 'test/core/step-text.test.ts',
  },
  {
    name: 'large outputs are walked for their size',
    breaks: 'docs/adr/0017',
    file: 'src/core/size.ts',
    find: 'return isCompact(outputs) ? outputs.json.length : indentedLength(outputs.json, fieldDepth);',
    replace:
      'const { length } = outputs.json;\n  return Math.max(isCompact(outputs) ? length : 0, Math.min(indentedLength(outputs.json, fieldDepth), length));',
    test: 'test/core/size.test.ts',
    only: 'nobody looks into large outputs',
  },
  {
    name: 'the size of small outputs leaves out their indentation',
    breaks: 'G16',
    file: 'src/core/size.ts',
    find: 'const fieldDepth = 3;',
    replace: 'const fieldDepth = 2;',
    test: 'test/core/size.test.ts',
  },
  {
    name: 'a workflow whose outputs once lay in a blob has blobs for ever',
    breaks: 'G6',
    file: 'src/core/view.ts',
    find: '    this.#blobs = 0;\n',
    replace: '',
    test: 'test/core/view.test.ts',
  },
  {
    name: 'outputs in blobs are not counted',
    breaks: 'G6',
    file: 'src/core/view.ts',
    find: 'this.#blobs += 1;',
    replace: 'this.#blobs += 0;',
    test: 'test/coordinator/answers-with-blobs.test.ts',
  },
  {
    name: 'outputs in blobs are not looked for in a finished workflow',
    breaks: 'G6',
    file: 'src/core/state-file.ts',
    find: 'steps.some(({ outputs }) => readBlobRef(outputs) !== null)',
    replace: 'steps.every(({ outputs }) => readBlobRef(outputs) !== null)',
    test: 'test/coordinator/answers-with-blobs.test.ts',
  },
  {
    name: 'a buffer goes to the next file while the disk still takes bytes from it',
    breaks: 'G8',
    file: 'src/store/file-buffers.ts',
    find: '      this.#spare = null;\n      return spare;',
    replace: '      return spare;',
    test: 'test/store/state-bytes.test.ts',
  },
];
