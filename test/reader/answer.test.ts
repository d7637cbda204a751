/**
 * Goal (AN1, V2): the reader decides over bytes as the coordinator does over values, and reads no blob whose bytes are not its
 * own. Method: the same conditions and lists, once over values and once over blobs of them.
 */
import { describe, expect, test } from 'vitest';
import type { InquiryAnswer } from '../../src/contract/inquiry.ts';
import { limits } from '../../src/contract/limits.ts';
import { type ConditionScope, evaluateCondition, toConditionFault } from '../../src/core/condition.ts';
import { unpackList } from '../../src/core/packed-list.ts';
import { answerBatch } from '../../src/reader/answer.ts';
import { BlobsOf, conditionBatch, listInquiry } from './inquiry-of.ts';

const step = { status: 'COMPLETED', outcome: 'ran', error: null };
const scope: ConditionScope = {
  params: { n: 2, list: [1, 2, 3], text: 'abc' },
  steps: {
    a: { ...step, outputs: { score: 0.8, list: [{ k: 1 }, { k: 2 }] } },
    g: { ...step, outputs: { count: 3 }, kind: 'group' },
  },
  items: { url: { href: 'u1' } },
  index: 4,
  round: 1,
  previous: { a: { ...step, outputs: { score: 0.5 } } },
  workflow: { id: 'w', outcome: 'failed', failed: ['x'] },
};

describe('conditions', () => {
  test.each([
    ['steps.a.outputs.score >= 0.8', true],
    ['steps.a.outputs.score > 0.8', false],
    ['steps.a.outputs.list.exists(x, x.k == params.n)', true],
    ['steps.a.outputs.list.all(x, x.k == 1.0)', false],
    ['steps.g.outputs.count == 3 && index == 4 && round == 1', true],
    ['url.href == "u1" && previous.a.outputs.score < steps.a.outputs.score', true],
    ['workflow.outcome == "failed" && "x" in workflow.failed', true],
    ['size(params.list) == 3 && params.text.contains("bc")', true],
  ])('%s is %s, as it is over values', (text, value) => {
    expect(evaluateCondition(text, scope)).toEqual({ value });
    expect(answerBatch(conditionBatch(text, scope))).toEqual([{ kind: 'verdict', value }]);
  });

  test.each(['steps.a.outputs.nope > 1.0', 'steps.a.outputs.list', 'params.text > 1.0'])(
    '%s is the same fault',
    (text) => {
      const verdict = evaluateCondition(text, scope) as { fault: string };
      const fault = toConditionFault(text, verdict.fault);
      expect(answerBatch(conditionBatch(text, scope))).toEqual([{ kind: 'fault', fault }]);
    },
  );

  test('params that several share are parsed from their slices', () => {
    const inquiry = {
      kind: 'condition' as const,
      condition: 'params.big.exists(x, x == "b")',
      scope: { params: { big: { shared: 'params.big' } }, steps: {}, items: {} },
    };
    const batch = {
      inquiries: [inquiry, inquiry],
      blobs: new Map(),
      texts: new Map([['params.big', ['["a"', ',"b"]']]]),
    };
    expect(answerBatch(batch)).toEqual([
      { kind: 'verdict', value: true },
      { kind: 'verdict', value: true },
    ]);
  });

  test('V2: bytes that are not those of the name are no data, and neighbours have their answers', () => {
    const good = conditionBatch('steps.a.outputs.score > 0.1', scope);
    const bad = conditionBatch('steps.a.outputs.other == 7.0', {
      ...scope,
      steps: { a: { ...step, outputs: { other: 7 } } },
    });
    const [name = ''] = [...bad.blobs.keys()].filter((key) => !good.blobs.has(key));
    const blobs = new Map([...good.blobs, ...bad.blobs, [name, new TextEncoder().encode('{"other":8}')]]);
    const answers = answerBatch({ inquiries: [...bad.inquiries, ...good.inquiries], blobs, texts: new Map() });
    expect(answers).toEqual([
      {
        kind: 'fault',
        fault: `outputs that the step refers to cannot be read: blob ${name} is damaged: its bytes have another SHA-256`,
      },
      { kind: 'verdict', value: true },
    ]);
  });

  test('a blob that was not read is a fault', () => {
    const batch = conditionBatch('steps.a.outputs.score > 0.1', scope);
    const [answer] = answerBatch({ ...batch, blobs: new Map() });
    expect(answer).toEqual({ kind: 'fault', fault: expect.stringContaining('has not been read') });
  });
});

function read(answer: InquiryAnswer | undefined): {
  lists: Record<string, unknown[]>;
  labels: readonly string[] | null;
} {
  if (answer?.kind !== 'list') throw new Error(JSON.stringify(answer));
  const lists = answer.lists.map(([name, packed]) => {
    const list = unpackList(packed);
    return [name, Array.from({ length: list.length }, (_, i) => list.at(i))] as const;
  });
  return { lists: Object.fromEntries(lists), labels: answer.labels };
}

describe('lists', () => {
  const of = new BlobsOf();
  const urls = ['u0', 'u1', 'u2'];
  const outputs = { pages: of.source({ value: { urls } }), skipped: { value: undefined } };
  const ask = (given: Parameters<typeof listInquiry>[0]) =>
    answerBatch({ inquiries: [listInquiry({ outputs, ...given })], blobs: of.blobs, texts: new Map() })[0];

  test('a list in a blob, with what its items are called', () => {
    const forEach = { value: '{{steps.pages.outputs.value.urls}}' };
    expect(read(ask({ forEach, label: '{{index}}: {{item}}' }))).toEqual({
      lists: { item: urls },
      labels: ['0: u0', '1: u1', '2: u2'],
    });
    expect(read(ask({ forEach })).labels).toBeNull();
  });

  test('several names, one from params, one with items around', () => {
    const given = {
      forEach: { value: { url: '{{steps.pages.outputs.value.urls}}', how: '{{params.ways}}', who: ['{{person}}'] } },
      params: { ways: { value: ['x', 'y'] } },
      items: { person: of.source('ann'), index: { value: 9 } },
      names: { forEach: ['person', 'index'], label: ['person', 'index', 'url', 'how', 'who'] },
      label: '{{url}}{{how}}{{who}}{{index}}{{person}}',
    };
    const { lists, labels } = read(ask(given));
    expect(lists).toEqual({ url: urls, how: ['x', 'y'], who: ['ann'] });
    expect(labels).toEqual(['u0xann0ann', 'u0yann1ann', 'u1xann2ann', 'u1yann3ann', 'u2xann4ann', 'u2yann5ann']);
  });

  test('in batches, and cut labels', () => {
    const label = `${'é'.repeat(70)}{{item}}`;
    const answer = read(ask({ forEach: { value: '{{steps.pages.outputs.value.urls}}' }, batch: 2, label }));
    expect(answer).toEqual({
      lists: { item: [['u0', 'u1'], ['u2']] },
      labels: Array(2).fill('é'.repeat(limits.labelShownMax)),
    });
  });

  test('what stands in, rounds before and the workflow', () => {
    const given = {
      forEach: {
        value: { a: '{{steps.skipped.outputs.x ?? []}}', b: '{{previous.pages.outputs.list}}', c: ['{{workflow.id}}'] },
      },
      previous: { pages: of.source({ list: [7] }) },
      workflow: { id: 'w1' },
      names: { forEach: ['previous', 'workflow'], label: [] },
    };
    expect(read(ask(given)).lists).toEqual({ a: [], b: [7], c: ['w1'] });
  });

  test.each([
    ['{{steps.pages.outputs.value}}', 'forEach: item is no list but an object'],
    ['{{steps.pages.outputs.nope}}', '{{steps.pages.outputs.nope}} leads nowhere: there is no "nope"'],
    ['{{steps.skipped.outputs.x}}', '{{steps.skipped.outputs.x}} leads nowhere'],
  ])('%s is a fault', (value, fault) => {
    expect(ask({ forEach: { value } })).toEqual({ kind: 'fault', fault: expect.stringContaining(fault) });
  });

  test('more items than a workflow has room for have no labels: the step fails for another reason', () => {
    const many = Array.from({ length: limits.stepsMax + 1 }, () => 0);
    expect(read(ask({ forEach: of.source(many), label: 'x' })).labels).toBeNull();
    expect(read(ask({ forEach: of.source(many.slice(1)), label: 'x' })).labels).toHaveLength(limits.stepsMax);
  });
});
