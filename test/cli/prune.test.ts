/**
 * Goal: `prune` removes all that has expired and no more, whatever is refused and whatever goes or finishes while it
 * looks. Method: an engine in memory whose list has pages of at most a thousand, and that changes between two calls.
 */
import { describe, expect, test } from 'vitest';
import { pruneOn } from '../../src/cli/prune.ts';
import type { ListReply } from '../../src/contract/engine.ts';
import { Refusal, workflowNotFound } from '../../src/contract/failures.ts';
import type { ListQuery } from '../../src/contract/list-query.ts';
import type { JobStatus } from '../../src/contract/workflow.ts';
import { startInline } from '../engine/running-engine.ts';

const hour = 3_600_000;
const now = Date.UTC(2026, 0, 31);
/** The older, the higher the number. */
const idOf = (i: number) => `w${String(i).padStart(5, '0')}`;

class MemoryEngine {
  /** Id to status and age in hours, newest first. */
  readonly workflows = new Map<string, { status: JobStatus; ageHours: number }>();
  readonly deleted: string[] = [];
  readonly refusals = new Map<string, unknown>();
  /** Those that are not 3. */
  readonly versions = new Map<string, number>();
  /** Called before each deletion. */
  onDelete: (id: string) => void = () => {};
  /** Called before each page. */
  onList: (query: ListQuery) => void = () => {};

  add(count: number, status: JobStatus, ageHours = 1, from = 0): void {
    for (let i = 0; i < count; i += 1) this.workflows.set(idOf(from + i), { status, ageHours });
  }

  async list(query: ListQuery = {}): Promise<ListReply> {
    this.onList(query);
    const { status, limit = 200, offset = 0 } = query;
    const of = [...this.workflows].filter(([, workflow]) => workflow.status === status);
    const items = of.slice(offset, offset + limit).map(([id, { ageHours }]) => ({
      id,
      updatedAt: new Date(now - ageHours * hour).toISOString(),
      version: this.versions.get(id) ?? 3,
    }));
    return { total: of.length, items } as unknown as ListReply;
  }

  async delete(id: string, options: { version?: number | undefined } = {}): Promise<void> {
    this.onDelete(id);
    expect(options).toEqual({ version: expect.any(Number) });
    if (options.version !== (this.versions.get(id) ?? 3)) throw new Refusal({ code: 'CONFLICT', detail: 'changed' });
    const refusal = this.refusals.get(id);
    if (refusal !== undefined) throw refusal;
    if (!this.workflows.delete(id)) throw workflowNotFound(id);
    this.deleted.push(id);
  }
}

async function run(engine: MemoryEngine, keep: { count: number } | { ageMs: number }, dryRun = false) {
  let stdout = '';
  let stderr = '';
  const context = {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
  };
  const ending = await pruneOn(engine, keep, { dryRun, now }, context as never).catch((error: Error) => error);
  return { ending, stdout, stderr };
}

test('PN2: goes on after what is refused, and names it at the end', async () => {
  const engine = new MemoryEngine();
  engine.add(5, 'COMPLETED');
  engine.refusals.set(idOf(0), new Refusal({ code: 'SET_ASIDE', detail: 'it is set\u001b[2J aside' }));
  engine.refusals.set(idOf(3), new Refusal({ code: 'BUSY', detail: 'busy' }));
  engine.refusals.set(idOf(4), workflowNotFound(idOf(4)));
  expect(await run(engine, { count: 0 })).toEqual({
    ending: 1,
    stdout: '2 finished workflows removed\n',
    stderr: `refused: ${idOf(0)}: it is set\\u001b[2J aside\nrefused: ${idOf(3)}: busy\n`,
  });
  expect(engine.deleted).toEqual([idOf(1), idOf(2)]);
});

test('ends with what ended the server, and says what was removed before', async () => {
  const engine = new MemoryEngine();
  engine.add(3, 'COMPLETED');
  engine.refusals.set(idOf(1), new Error('no answer'));
  expect(await run(engine, { count: 0 })).toEqual({
    ending: new Error('no answer'),
    stdout: '1 finished workflow removed\n',
    stderr: '',
  });
});

describe('over many pages', () => {
  test('all statuses that are finished, and no other', async () => {
    const engine = new MemoryEngine();
    engine.add(2_500, 'COMPLETED');
    engine.add(1_001, 'FAILED', 1, 10_000);
    engine.add(1_000, 'STOPPED', 1, 20_000);
    engine.add(3, 'RUNNING', 1, 30_000);
    engine.add(3, 'WAITING_FOR_DEPENDENCY', 1, 40_000);
    expect(await run(engine, { count: 0 })).toMatchObject({ ending: 0, stdout: '4501 finished workflows removed\n' });
    expect(engine.workflows.size).toBe(6);
  });

  test('what others remove in between hides nothing', async () => {
    const engine = new MemoryEngine();
    engine.add(2_500, 'COMPLETED');
    engine.onList = ({ offset }) => {
      // So many of the next page are on the one that was read already.
      if (offset === 1_000) for (let i = 0; i < 700; i += 1) engine.workflows.delete(idOf(i));
    };
    expect(await run(engine, { count: 0 })).toMatchObject({ ending: 0, stdout: '1800 finished workflows removed\n' });
    expect(engine.workflows.size).toBe(0);
  });

  test('what comes twice, since others have finished in between, counts once', async () => {
    const engine = new MemoryEngine();
    engine.add(1_500, 'COMPLETED');
    let added = false;
    engine.onList = ({ offset }) => {
      if (offset !== 1_000 || added) return;
      added = true;
      const before = [...engine.workflows];
      engine.workflows.clear();
      engine.add(300, 'COMPLETED', 0, 50_000);
      for (const [id, workflow] of before) engine.workflows.set(id, workflow);
    };
    // Seen were the 1,500 of the beginning, of which 300 came again with the second page.
    expect(await run(engine, { count: 1_500 })).toMatchObject({ ending: 0, stdout: '0 finished workflows removed\n' });
    expect(engine.workflows.size).toBe(1_800);
  });
});

test.each([
  [{ ageMs: 24 * hour }, ['w00001']],
  [{ ageMs: 25 * hour }, []],
  [{ count: 1 }, ['w00001']],
  [{ count: 2 }, []],
  [{ count: 0 }, ['w00001', 'w00000']],
])('of one an hour and one 25 hours old, %j removes %j', async (keep, gone) => {
  const engine = new MemoryEngine();
  engine.add(1, 'COMPLETED', 1);
  engine.add(1, 'COMPLETED', 25, 1);
  const dry = await run(engine, keep, true);
  const what = gone.length === 1 ? 'workflow' : 'workflows';
  const lines = [...gone, `${gone.length} finished ${what} would go`, ''];
  expect(dry).toEqual({ ending: 0, stdout: lines.join('\n'), stderr: '' });
  expect(engine.deleted).toEqual([]);
  expect(await run(engine, keep)).toEqual({
    ending: 0,
    stdout: `${gone.length} finished ${what} removed\n`,
    stderr: '',
  });
  expect(engine.deleted).toEqual(gone);
});

test('PN1: one that was retried after it was listed stays, and is no refusal', async () => {
  const engine = new MemoryEngine();
  engine.add(3, 'FAILED');
  engine.onDelete = (id) => {
    if (id === idOf(0)) engine.versions.set(idOf(1), 4);
  };
  expect(await run(engine, { count: 0 })).toEqual({ ending: 0, stdout: '2 finished workflows removed\n', stderr: '' });
  expect([...engine.workflows.keys()]).toEqual([idOf(1)]);
});

test('PN1: a retry between the listing and the deletion, on an engine', async () => {
  const { engine } = await startInline();
  const ids: string[] = [];
  for (const name of ['first', 'second']) {
    const params = { input: 1, expression: '$error("no")' };
    const { id } = await engine.submit({ name, steps: [{ id: 'a', action: 'transform', params }] });
    expect((await engine.finished(id)).status).toBe('FAILED');
    ids.push(id);
  }
  const pruned = {
    list: (query?: ListQuery) => engine.list(query),
    delete: async (id: string, options?: { version?: number | undefined }) => {
      if (id === ids[0]) await engine.retry(id);
      await engine.delete(id, options);
    },
  };
  let told = '';
  const write = (text: string) => (told += text);
  const context = { stdout: { write }, stderr: { write } };
  expect(await pruneOn(pruned, { count: 0 }, { dryRun: false, now: Date.now() }, context as never)).toBe(0);
  expect(told).toBe('1 finished workflow removed\n');
  const { items } = await engine.list();
  expect(items.map(({ id }) => id)).toEqual([ids[0]]);
});
