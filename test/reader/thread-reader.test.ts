/**
 * Goal (TD1, TD2): the reader's thread answers, and one that takes too much ends without harm to the next batch. Method: real
 * threads with small bounds.
 */
import { expect, onTestFinished, test } from 'vitest';
import type { InquiryBatch } from '../../src/contract/inquiry.ts';
import { toExecArgv } from '../../src/pool/source-loader.ts';
import { readerThreadUrl, ThreadReader, type ThreadReaderOptions } from '../../src/reader/thread-reader.ts';
import { conditionBatch, listInquiry } from './inquiry-of.ts';

function open(options: Partial<ThreadReaderOptions> = {}): ThreadReader {
  const reader = new ThreadReader({ execArgv: toExecArgv(readerThreadUrl), ...options });
  onTestFinished(() => reader.close());
  return reader;
}

const scope = {
  params: {},
  steps: { a: { status: 'COMPLETED', outcome: 'ran', error: null, outputs: { score: 3 } } },
  items: {},
};
const small = (): InquiryBatch => conditionBatch('steps.a.outputs.score == 3.0', scope);

/** A list of so many lists: each takes many times its bytes of memory. */
function large(count: number): InquiryBatch {
  return {
    inquiries: [listInquiry({ forEach: { shared: 't' } })],
    blobs: new Map(),
    texts: new Map([['t', ['[', Array(count).fill('[]').join(','), ']']]]),
  };
}

test('a thread answers one batch after the other, and takes the bytes of blobs with it', async () => {
  const reader = open();
  const batch = small();
  const [bytes] = [...batch.blobs.values()];
  expect(await reader.read(batch)).toEqual([{ kind: 'verdict', value: true }]);
  expect(bytes?.byteLength).toBe(0);
  expect(await reader.read(small())).toEqual([{ kind: 'verdict', value: true }]);
});

test('a part of a shared buffer is copied, and stays', async () => {
  const reader = open();
  const batch = small();
  const shared = new Uint8Array(1_000);
  const blobs = new Map(
    [...batch.blobs].map(([name, bytes]) => {
      shared.set(bytes, 10);
      return [name, shared.subarray(10, 10 + bytes.length)];
    }),
  );
  expect(await reader.read({ ...batch, blobs })).toEqual([{ kind: 'verdict', value: true }]);
  expect(shared.byteLength).toBe(1_000);
});

test('TD1: data that takes more memory than there is ends the thread alone', async () => {
  const reader = open({ heapMbMax: 64 });
  await expect(reader.read(large(6_000_000))).rejects.toMatchObject({
    reason: 'memory',
    message: 'took more than 64 MB',
  });
  expect(await reader.read(small())).toEqual([{ kind: 'verdict', value: true }]);
});

test('TD1: a batch that takes longer than its time ends, and the next one has a thread', async () => {
  const reader = open({ deadlineMs: 1 });
  await expect(reader.read(small())).rejects.toMatchObject({ reason: 'time', message: 'took longer than 0.001 s' });
  const patient = open({ deadlineMs: 60_000 });
  expect(await patient.read(small())).toEqual([{ kind: 'verdict', value: true }]);
});

test('TD2: a batch while another is in the thread is a fault of the caller', async () => {
  const reader = open();
  const first = reader.read(small());
  expect(() => reader.read(small())).toThrow('TD2');
  expect(await first).toEqual([{ kind: 'verdict', value: true }]);
});

test('a thread that has nothing to do ends, and another one answers', async () => {
  const reader = open({ idleMs: 1 });
  await reader.read(small());
  await expect.poll(() => reader.threads, { timeout: 30_000 }).toBe(0);
  expect(await reader.read(small())).toEqual([{ kind: 'verdict', value: true }]);
  expect(reader.threads).toBe(1);
});

test('a batch that is in the thread when the reader closes is lost', async () => {
  const reader = open();
  const reading = reader.read(small());
  const rejected = expect(reading).rejects.toMatchObject({ reason: 'lost' });
  await reader.close();
  await rejected;
  expect(reader.threads).toBe(0);
});

test('a thread that cannot start is lost', async () => {
  const reader = open({ execArgv: ['--import', 'data:text/javascript,throw new Error("no")'] });
  await expect(reader.read(small())).rejects.toMatchObject({ reason: 'lost' });
});
