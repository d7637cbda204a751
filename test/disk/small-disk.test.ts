/**
 * Goal: a real disk that is full, or has no room for another file, costs nothing acknowledged; work goes on by itself when
 * there is room again (G11, E1, E3). Method: the product in a process of its own on a tmpfs of a few MiB; clients write
 * until they are refused, room is made, the same calls are made again; every answer is held against the next life.
 * `DISK_CYCLES` raises the number of times it is filled.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { Served } from '../crash/served.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { mountTmpfs, named, noTmpfs, remount } from './mount.ts';

const cycles = Number(process.env.DISK_CYCLES ?? 2);
const requestsMax = 2_000;
const triesMax = 600;

interface Answer {
  status: number;
  headers: Headers;
  json: unknown;
}

/** A client that keeps what it was told. */
class Client {
  readonly workflows = new Map<string, { version: number; content: string | null }>();
  readonly counts = { accepted: 0, refused: 0 };
  url: string;
  #key = 0;

  constructor(url: string) {
    this.url = url;
  }

  async call(method: string, route: string, body?: unknown, key?: string): Promise<Answer> {
    const response = await fetch(`${this.url}/api${route}`, {
      method,
      headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = { status: response.status, headers: response.headers, json: text === '' ? null : JSON.parse(text) };
    if (answer.status === 507) {
      this.counts.refused += 1;
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    } else {
      expect([200, 201, 204, 404], text).toContain(answer.status);
      if (method !== 'GET') this.counts.accepted += 1;
    }
    return answer;
  }

  /** The answer, or the refusal with the key to ask again. */
  async create(key = `create-${this.#key++}`): Promise<string | { key: string }> {
    const definition = {
      name: 'fills',
      steps: [
        { id: 'in', action: 'external_data' },
        { id: 'a', action: 'noop' },
      ],
    };
    const { status, json } = await this.call('POST', '/workflows', definition, key);
    if (status !== 201) return { key };
    const { id, version } = json as Workflow;
    this.workflows.set(id, { version, content: null });
    return id;
  }

  async put(id: string, content: string): Promise<boolean> {
    const { status } = await this.call(
      'POST',
      `/workflows/${id}/external-data`,
      { step_id: 'in', content },
      `put-${id}`,
    );
    if (status !== 201) return false;
    this.workflows.set(id, { version: this.workflows.get(id)?.version ?? 0, content });
    return true;
  }

  async remove(id: string): Promise<boolean> {
    const { status } = await this.call('DELETE', `/workflows/${id}`);
    if (status === 507) return false;
    this.workflows.delete(id);
    return true;
  }

  /** What is not as it was acknowledged. */
  async missing(): Promise<string[]> {
    const missing: string[] = [];
    for (const [id, { version, content }] of this.workflows) {
      const { status, json } = await this.call('GET', `/workflows/${id}`);
      const workflow = json as Workflow;
      if (status !== 200 || workflow.version < version) missing.push(`${id}: ${status}, version ${workflow.version}`);
      else if (content !== null && workflow.steps[0]?.outputs?.content !== content) missing.push(`${id}: its content`);
    }
    return missing;
  }
}

async function untilDone(what: string, attempt: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    if (await attempt()) return;
    await delay(50);
  }
  throw new Error(`${what}: still refused after ${triesMax} tries`);
}

const large = (n: number) => `${n} `.padEnd(100_000, 'x');

test.skipIf(noTmpfs !== null)(
  named(`E1: a disk of 4 MiB that is filled ${cycles} times and cleared up each time`, noTmpfs),
  { timeout: cycles * 30_000 + 180_000 },
  async () => {
    const startedAt = performance.now();
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    mountTmpfs(dir.root, 'size=4m');
    const served = new Served(dir, { LOG_LEVEL: 'error' });
    const client = new Client(await served.listening());
    const ballast = path.join(dir.root, 'ballast');
    let stops = 0;
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      fs.writeFileSync(ballast, Buffer.alloc(1_000_000));
      let refused: { id: string; n: number } | null = null;
      for (let n = 0; refused === null; n += 1) {
        expect(n).toBeLessThan(requestsMax);
        const id = await client.create();
        if (typeof id !== 'string') break;
        if (!(await client.put(id, large(n)))) refused = { id, n };
      }
      // Small changes go in for a while yet; then the journal itself finds no room.
      const filler = path.join(dir.root, 'filler');
      fillUp(filler);
      let unmade: { key: string } | null = null;
      for (let n = 0; unmade === null; n += 1) {
        expect(n).toBeLessThan(requestsMax);
        const made = await client.create();
        if (typeof made !== 'string') unmade = made;
      }
      stops += 1;
      const health = await client.call('GET', '/health');
      expect(health.json).toMatchObject({ status: 'degraded' });
      const [some = ''] = [...client.workflows.keys()];
      expect((await client.call('GET', `/workflows/${some}`)).status).toBe(200);
      expect(served.child.exitCode).toBeNull();

      fs.rmSync(filler);
      fs.rmSync(ballast);
      const { key } = unmade;
      await untilDone('creating again', async () => typeof (await client.create(key)) === 'string');
      if (refused !== null) {
        const { id, n } = refused;
        await untilDone('the refused data', () => client.put(id, large(n)));
      }
      expect(await client.missing()).toEqual([]);
      expect((await client.call('GET', '/health')).json).toMatchObject({ status: 'healthy' });
      for (const id of [...client.workflows.keys()].slice(0, -3)) {
        await untilDone('deleting', () => client.remove(id));
      }
    }
    served.child.kill('SIGTERM');
    expect((await served.exited).code).toBe(0);
    const again = new Served(dir, { LOG_LEVEL: 'error' });
    client.url = await again.listening();
    const missing = await client.missing();
    reportFigures('disk errors: real full disk', startedAt, {
      cases: cycles,
      lostAcknowledged: missing.length,
      changedResults: 0,
      repeatedSteps: 0,
      unreadableFiles: dir.quarantined().length,
      timesFull: stops,
      ...client.counts,
    });
    expect(missing).toEqual([]);
    expect(dir.quarantined()).toEqual([]);
  },
);

/** Takes every byte that is left. */
function fillUp(file: string): void {
  const fd = fs.openSync(file, 'w');
  try {
    for (const bytes of [65_536, 4_096]) {
      for (;;) {
        try {
          fs.writeSync(fd, Buffer.alloc(bytes));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ENOSPC' });
          break;
        }
      }
    }
  } finally {
    fs.closeSync(fd);
  }
}

test.skipIf(noTmpfs !== null)(
  named('T4: a call that was answered 507 has not happened when there is room again', noTmpfs),
  async () => {
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    mountTmpfs(dir.root, 'size=8m');
    const served = new Served(dir, { LOG_LEVEL: 'error' });
    const client = new Client(await served.listening());
    const names: string[] = [];
    const refused: string[] = [];
    const submit = async (name: string, bytes: number) => {
      const steps = [{ id: 'in', action: 'external_data', params: { text: 'x'.repeat(bytes) } }];
      const { status, json } = await client.call('POST', '/workflows', { name, steps });
      (status === 201 ? names : refused).push(name);
      return status === 201 ? (json as Workflow).id : null;
    };
    const first = await submit('first', 10);
    // Large ones until none fits, then smaller and smaller ones, down to the last room.
    for (const bytes of [1_000_000, 300_000, 100_000, 10_000, 10]) {
      for (let n = 0; (await submit(`of ${bytes}: ${n}`, bytes)) !== null; n += 1) expect(n).toBeLessThan(requestsMax);
    }
    fillUp(path.join(dir.root, 'filler'));
    await submit('on a full disk', 10);
    expect((await client.call('GET', '/health')).json).toMatchObject({ status: 'degraded' });
    expect((await client.call('POST', `/workflows/${first}/stop`)).status).toBe(507);
    expect((await client.call('POST', `/workflows/${first}/external-data`, { content: 'late' })).status).toBe(507);
    expect((await client.call('POST', `/workflows/${first}/branches`, { stepId: 'in' })).status).toBe(507);
    expect((await client.call('DELETE', `/workflows/${first}`)).status).toBe(507);
    expect(refused).toHaveLength(6);

    remount(dir.root, 'size=60m');
    // The last of all: whatever was kept back has come before it.
    await untilDone('creating again', async () => (await submit('last', 10)) !== null);
    const { json } = await client.call('GET', '/workflows?limit=1000');
    const listed = (json as Workflow[]).map(({ name }) => name).sort();
    expect(listed).toEqual([...names].sort());
    const { json: shown } = await client.call('GET', `/workflows/${first}`);
    expect(shown).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', branches: [], steps: [{ outputs: null }] });
    expect((shown as Workflow).steps).toHaveLength(1);
  },
);

test.skipIf(noTmpfs !== null)(named('E3: a disk with bytes but no room for another file', noTmpfs), async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  mountTmpfs(dir.root, 'size=8m,nr_inodes=40');
  const served = new Served(dir, { LOG_LEVEL: 'error' });
  const client = new Client(await served.listening());
  const [first] = [await client.create()];
  if (typeof first !== 'string') throw new Error('refused at once');
  // The journal needs no new file: changes go in, and their files follow when there is room for them.
  for (let n = 0; n < 30; n += 1) expect(await client.create()).toEqual(expect.any(String));
  expect(await client.put(first, large(1))).toBe(false);
  const unwritten = [...client.workflows.keys()].filter((id) => !dir.hasState(id));
  expect(unwritten.length).toBeGreaterThan(0);
  expect(await client.missing()).toEqual([]);
  remount(dir.root, 'nr_inodes=1000');
  await untilDone('the refused data', () => client.put(first, large(1)));
  await untilDone('files of what was accepted', async () => unwritten.every((id) => dir.hasState(id)));
  served.child.kill('SIGKILL');
  await served.exited;
  const again = new Served(dir, { LOG_LEVEL: 'error' });
  client.url = await again.listening();
  expect(await client.missing()).toEqual([]);
  expect(dir.quarantined()).toEqual([]);
});
