/**
 * Goal (IQ1, IQ2): each inquiry has one answer, batches are bounded, and nothing happens after a halt. Method: a reader that
 * the test answers for, and blobs that are numbers of bytes.
 */
import { expect, test } from 'vitest';
import {
  type DataReader,
  type InquiryAnswer,
  type InquiryBatch,
  ReaderEndedError,
} from '../../../src/contract/inquiry.ts';
import { limits } from '../../../src/contract/limits.ts';
import { Inquiries } from '../../../src/coordinator/steps/inquiries.ts';
import type { DraftInquiry } from '../../../src/coordinator/steps/inquiry-parts.ts';

function draft(name: string, blobs: Record<string, number> = {}): DraftInquiry {
  const pieces = Object.entries(blobs).map(([blob, bytes]) => ({ blob, bytes }));
  return {
    inquiry: { kind: 'condition', condition: name, scope: { params: {}, steps: {}, items: {} } },
    blobs: pieces,
    texts: new Map([[name, [name]]]),
    bytes: pieces.reduce((sum, { bytes }) => sum + bytes, 10),
  };
}

const yes: InquiryAnswer = { kind: 'verdict', value: true };

function open(readBytes: (workflowId: string, name: string) => Promise<Uint8Array> = async () => new Uint8Array(1)) {
  const batches: {
    names: string[];
    blobs: string[];
    texts: string[];
    answer(all?: InquiryAnswer[]): void;
    end(error: Error): void;
  }[] = [];
  const faults: unknown[] = [];
  const pauses: (() => void)[] = [];
  const reader: DataReader = {
    read: (batch: InquiryBatch) =>
      new Promise((resolve, reject) => {
        const names = batch.inquiries.map((inquiry) => (inquiry.kind === 'condition' ? inquiry.condition : 'list'));
        batches.push({
          names,
          blobs: [...batch.blobs.keys()],
          texts: [...batch.texts.keys()],
          answer: (all = names.map(() => yes)) => resolve(all),
          end: reject,
        });
      }),
    close: async () => undefined,
  };
  const clock = {
    timer: (_: number, callback: () => void) => {
      pauses.push(callback);
      return () => void pauses.splice(pauses.indexOf(callback), 1);
    },
  };
  const inquiries = new Inquiries({
    reader,
    outputs: { readBytes },
    clock,
    onFatal: (error) => void faults.push(error),
  });
  const next = async (nth: number) => {
    await expect.poll(() => batches.length, { timeout: 10_000 }).toBeGreaterThan(nth);
    return batches[nth]!;
  };
  return { inquiries, batches, next, faults, pauses };
}

test('those of one workflow that are asked together go together, with each blob and text once', async () => {
  const read: string[] = [];
  const { inquiries, next, batches } = open(async (id, name) => {
    read.push(`${id}/${name}`);
    return new Uint8Array(1);
  });
  const first = inquiries.ask('w', draft('a', { b1: 5 }));
  const other = inquiries.ask('v', draft('c', { b1: 5 }));
  const second = inquiries.ask('w', draft('b', { b1: 5, b2: 6 }));
  const batch = await next(0);
  expect([batch.names, batch.blobs, batch.texts]).toEqual([
    ['a', 'b'],
    ['b1', 'b2'],
    ['a', 'b'],
  ]);
  const no: InquiryAnswer = { kind: 'verdict', value: false };
  batch.answer([no, yes]);
  expect(await Promise.all([first, second])).toEqual([no, yes]);
  (await next(1)).answer();
  expect(await other).toEqual(yes);
  expect([batches[1]?.names, read]).toEqual([['c'], ['w/b1', 'w/b2', 'v/b1']]);
});

test('IQ2: a batch has no more bytes than may be read; a blob that several read counts once', async () => {
  const { inquiries, next } = open();
  const half = limits.inquiryBytesMax / 2;
  const asked = [draft('a', { b1: half }), draft('b', { b1: half }), draft('c', { b2: half }), draft('d')];
  const answers = asked.map((each) => inquiries.ask('w', each));
  const batch = await next(0);
  expect(batch.names).toEqual(['a', 'b', 'd']);
  batch.answer();
  const later = await next(1);
  expect(later.names).toEqual(['c']);
  later.answer();
  expect(await Promise.all(answers)).toEqual([yes, yes, yes, yes]);
});

test('a batch has at most 1,000 inquiries', async () => {
  const { inquiries, next } = open();
  const answers = Array.from({ length: 1_001 }, (_, i) => inquiries.ask('w', draft(`i${i}`)));
  const batch = await next(0);
  expect(batch.names).toHaveLength(1_000);
  batch.answer();
  const later = await next(1);
  expect(later.names).toEqual(['i1000']);
  later.answer();
  expect(await Promise.all(answers)).toHaveLength(1_001);
});

test('what reads more than may be read is a fault at once, and is not read', async () => {
  const { inquiries, batches } = open();
  const bytes = limits.inquiryBytesMax;
  expect(await inquiries.ask('w', draft('a', { b: bytes }))).toEqual({
    kind: 'fault',
    fault: `it reads ${bytes + 10} bytes of JSON; at most ${bytes} are read to decide one step`,
  });
  expect(batches).toEqual([]);
});

test('a blob that cannot be read is a fault of those that need it', async () => {
  const { inquiries, next } = open(async (_, name) => {
    if (name === 'gone') throw new Error('Blob gone is missing');
    return new Uint8Array(1);
  });
  const bad = inquiries.ask('w', draft('a', { gone: 1 }));
  const good = inquiries.ask('w', draft('b', { there: 1 }));
  const batch = await next(0);
  expect([batch.names, batch.blobs]).toEqual([['b'], ['there']]);
  batch.answer();
  expect(await bad).toEqual({
    kind: 'fault',
    fault: 'outputs that the step refers to cannot be read: Blob gone is missing',
  });
  expect(await good).toEqual(yes);
});

test('IQ1: a batch that ends the reader is asked one by one, and only the data of one is at fault', async () => {
  const { inquiries, next } = open();
  const answers = ['a', 'b', 'c'].map((name) => inquiries.ask('w', draft(name, { [name]: 7 })));
  const ended = new ReaderEndedError('memory', 'took more than 64 MB');
  (await next(0)).end(ended);
  const first = await next(1);
  expect([first.names, first.blobs]).toEqual([['a'], ['a']]);
  first.answer();
  (await next(2)).end(ended);
  (await next(3)).answer();
  expect(await Promise.all(answers)).toEqual([
    yes,
    {
      kind: 'fault',
      fault: 'to parse its 17 bytes of data took more than 64 MB; let a transform step make less of them',
    },
    yes,
  ]);
});

test('IQ1: a reader that is lost is tried again, with a pause, three times', async () => {
  const { inquiries, next, pauses, batches } = open();
  const answer = inquiries.ask('w', draft('a'));
  for (let nth = 0; nth < 3; nth += 1) {
    (await next(nth)).end(new ReaderEndedError('lost', 'the thread ended'));
    await expect.poll(() => pauses.length, { timeout: 10_000 }).toBe(1);
    expect(batches).toHaveLength(nth + 1);
    pauses.pop()!();
  }
  (await next(3)).end(new ReaderEndedError('lost', 'the thread ended'));
  expect(await answer).toEqual({ kind: 'fault', fault: 'its 10 bytes of data cannot be read: the thread ended' });
});

test('an error of another kind is a fault of the engine', async () => {
  const { inquiries, next, faults } = open();
  void inquiries.ask('w', draft('a'));
  (await next(0)).end(new Error('odd'));
  await expect.poll(() => faults.length, { timeout: 10_000 }).toBe(1);
});

test('after a halt nothing is answered and nothing read', async () => {
  const { inquiries, next, batches, pauses } = open();
  const answered: string[] = [];
  void inquiries.ask('w', draft('a')).then(() => answered.push('a'));
  const batch = await next(0);
  void inquiries.ask('w', draft('b')).then(() => answered.push('b'));
  inquiries.halt();
  batch.answer();
  await new Promise(setImmediate);
  expect([answered, batches.length, pauses.length]).toEqual([[], 1, 0]);
});
