/** Goal: one call changes many workflows, each once, also over a death. Method: a real engine behind the server. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { type BulkResult, bulkResultSchema } from '../../src/contract/bulk.ts';
import { limits } from '../../src/contract/limits.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { openInline } from '../fixtures/inline-engine.ts';
import { type InlineServer, startInlineServer } from './inline-server.ts';

const unknown = '3f2c8f52-6d3c-4a6e-9d5b-0c8f3a1e7b10';
const waiting = (name: string, tags: string[] = []) => ({
  name,
  tags,
  steps: [{ id: 'data', action: 'external_data' }],
});

async function bulk(running: InlineServer, body: unknown, key?: string) {
  const answer = await running.call('POST', '/api/workflows/bulk', {
    body,
    headers: key === undefined ? {} : { 'Idempotency-Key': key },
  });
  if (answer.status === 200) expect(z.array(bulkResultSchema).parse(answer.json)).toEqual(answer.json);
  return answer;
}

describe('POST /api/workflows/bulk', () => {
  it('BK2: changes each by itself, and tells what was refused in its row', async () => {
    const running = await startInlineServer();
    const ids = [await running.create(waiting('a')), await running.create(waiting('b'))] as [string, string];
    const { json } = await bulk(running, { action: 'stop', ids: [ids[0], unknown, ids[1].toUpperCase(), ids[0]] });
    expect(json).toEqual([
      { id: ids[0], ok: true, status: 'STOPPED', code: null, detail: 'stopped' },
      { id: unknown, ok: false, status: null, code: 'NOT_FOUND', detail: `Workflow with ID ${unknown} not found` },
      { id: ids[1], ok: true, status: 'STOPPED', code: null, detail: 'stopped' },
    ]);
    const again = await bulk(running, { action: 'stop', ids });
    expect(again.json.map(({ ok, code }: BulkResult) => [ok, code])).toEqual([
      [false, 'CONFLICT'],
      [false, 'CONFLICT'],
    ]);
    const on = await bulk(running, { action: 'resume', ids });
    expect(on.json.map(({ status }: BulkResult) => status)).toEqual([
      'WAITING_FOR_DEPENDENCY',
      'WAITING_FOR_DEPENDENCY',
    ]);
    const gone = await bulk(running, { action: 'delete', ids: [...ids, unknown] });
    expect(gone.json.map(({ ok, code }: BulkResult) => [ok, code])).toEqual([
      [true, null],
      [true, null],
      [true, 'NOT_FOUND'],
    ]);
    expect((await running.call('GET', '/api/workflows')).json).toEqual([]);
  });

  it('takes those that a filter of the list shows', async () => {
    const running = await startInlineServer();
    const red = await running.create(waiting('red', ['red']));
    const blue = await running.create(waiting('blue', ['blue']));
    const { json } = await bulk(running, {
      action: 'stop',
      filter: { tag: ['red'], status: ['WAITING_FOR_DEPENDENCY', 'PENDING'] },
    });
    expect(json.map(({ id }: BulkResult) => id)).toEqual([red]);
    expect((await running.call('GET', `/api/workflows/${blue}`)).json.status).not.toBe('STOPPED');
  });

  it.each([
    [{ action: 'stop' }, 'ids'],
    [{ action: 'stop', ids: [] }, 'ids'],
    [{ action: 'stop', ids: ['x'] }, 'ids[0]'],
    [{ action: 'stop', ids: [unknown], filter: { tag: ['x'] } }, 'ids'],
    [{ action: 'stop', filter: {} }, 'filter'],
    [{ action: 'run', ids: [unknown] }, 'action'],
    [{ action: 'stop', ids: [unknown], force: true }, 'force'],
  ])('refuses %j', async (body, path) => {
    const running = await startInlineServer();
    const answer = await bulk(running, body);
    expect([answer.status, answer.json.errors[0].path]).toEqual([422, path]);
  });

  it('refuses more than so many', async () => {
    const running = await startInlineServer();
    const ids = Array.from({ length: limits.bulkMax + 1 }, () => unknown);
    const answer = await bulk(running, { action: 'stop', ids });
    expect([answer.status, answer.json.errors[0].path]).toEqual([422, 'ids']);
    expect((await bulk(running, { action: 'stop', ids: ids.slice(1) })).status).toBe(200);
  });

  it('refuses a key that leaves no room for the ids', async () => {
    const running = await startInlineServer();
    const body = { action: 'delete', ids: [unknown] };
    expect((await bulk(running, body, 'k'.repeat(218))).status).toBe(200);
    const answer = await bulk(running, body, 'k'.repeat(219));
    expect([answer.status, answer.json.errors[0].path]).toEqual([422, 'Idempotency-Key']);
  });
});

describe('BK1: the same call after a death', () => {
  it('finishes what was not done, and does nothing twice', async () => {
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    const first = await openInline(dir);
    const made = [];
    for (const name of ['a', 'b', 'c']) made.push(await first.engine.submit(waiting(name, ['x'])));
    const ids = made.map(({ id }) => id);
    // The call that died had come as far as the first.
    const { version } = await first.engine.stop(ids[0]!, { idempotencyKey: `night/${ids[0]}` });
    await first.engine.close();
    const running = await startInlineServer({ dir });
    const filter = { tag: ['x'], status: ['PENDING', 'WAITING_FOR_DEPENDENCY'] };
    const byFilter = await bulk(running, { action: 'stop', filter }, 'night');
    expect(byFilter.json.map(({ id, ok, status }: BulkResult) => [id, ok, status]).sort()).toEqual(
      ids.map((id) => [id, true, 'STOPPED']).sort(),
    );
    expect((await running.call('GET', `/api/workflows/${ids[0]}`)).json.version).toBe(version);
    const before = await Promise.all(ids.map((id) => running.engine.peek(id)));
    const again = await bulk(running, { action: 'stop', ids }, 'night');
    expect(again.json.every(({ ok }: BulkResult) => ok)).toBe(true);
    expect(await Promise.all(ids.map((id) => running.engine.peek(id)))).toEqual(before);
    // Another change under the same key is another request.
    const other = await bulk(running, { action: 'resume', ids }, 'night');
    expect(other.json.map(({ code }: BulkResult) => code)).toEqual(['INVALID', 'INVALID', 'INVALID']);
  });
});
