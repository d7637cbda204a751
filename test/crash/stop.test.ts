/**
 * Goal: told to stop in the middle of work, the engine ends in good order; told again, or killed over it, it has lost
 * nothing (G20; C10). Method: one data directory through many stops of `serve`: SIGTERM, SIGINT, SIGTERM twice, SIGTERM and
 * SIGKILL after 0 to 2,000 ms. One step of each life is held open, so that its attempts can be counted from outside.
 * `STOP_CASES` raises the number, `CRASH_SEED` chooses the moments.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { inspectStore } from '../../src/store/inspect.ts';
import { readSegmentHeader } from '../../src/store/segment-header.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { Gate } from '../fixtures/gate.ts';
import { createSeeded } from '../fixtures/seeded.ts';
import { api, type Exit, Served } from './served.ts';
import { Witness } from './witness.ts';

const cases = Number(process.env.STOP_CASES ?? 8);
const seed = Number(process.env.CRASH_SEED ?? 1);
const killAfterMsMax = 2_000;
const holdMsMax = 100;

type Way = 'SIGTERM' | 'SIGINT' | 'SIGTERM twice' | 'SIGTERM, then SIGKILL';
const ways: Way[] = ['SIGTERM', 'SIGTERM, then SIGKILL', 'SIGINT', 'SIGTERM twice'];

/** Quick steps, and one that the gate holds. */
function definitions(gate: Gate, n: number): object[] {
  const chain = (name: string) => ({
    name,
    steps: [0, 1, 2, 3].map((i) => ({
      id: `s${i}`,
      action: 'delay',
      params: { ms: 10 + 5 * i },
      dependencies: i === 0 ? [] : [`s${i - 1}`],
    })),
  });
  const held = {
    name: `held ${n}`,
    steps: [
      gate.step(`gate-${n}`, { retry: { attemptsMax: 1 } }),
      { id: 'after', action: 'noop', dependencies: [`gate-${n}`] },
    ],
  };
  return [held, chain(`chain ${n}`), chain(`chain ${n} again`)];
}

/** What a stop in good order leaves: a checkpoint over everything, and a journal that vouches for it. */
function expectGoodOrder(dir: EngineDir, { code, stderr }: Exit): void {
  expect([code, stderr]).toEqual([0, '']);
  const { manifest, records, notices } = inspectStore(dir).found;
  const last = Math.max(manifest?.seq ?? 0, ...records.map(({ seq }) => seq));
  expect(manifest?.seq).toBe(last);
  expect(notices).toEqual([]);
  const journal = path.join(dir.workflowsDir, '.engine', 'journal');
  const newest = fs.readdirSync(journal).sort().at(-1)!;
  const bytes = fs.readFileSync(path.join(journal, newest));
  expect(readSegmentHeader(bytes)).toMatchObject({ after: last });
  for (const id of Object.keys(manifest!.live))
    expect(dir.state(id).steps.map(({ status }) => status)).not.toContain('RUNNING');
}

/** Sends the signals; the held step ends a moment later where the stop is to wait for it. */
async function stop(way: Way, served: Served, gate: Gate, n: number, random: () => number): Promise<Exit> {
  const kill = (signal: NodeJS.Signals) => served.child.kill(signal);
  const release = () => gate.open(`gate-${n}`, { body: 'in time' });
  if (way === 'SIGTERM' || way === 'SIGINT') {
    kill(way);
    await served.until(new RegExp(`${way}: stopping`));
    await delay(random() * holdMsMax);
    // Still there, waiting for the step.
    expect(served.child.exitCode).toBeNull();
    release();
    return served.exited;
  }
  kill('SIGTERM');
  if (way === 'SIGTERM twice') {
    await served.until(/SIGTERM: stopping/);
    kill('SIGTERM');
  } else {
    // Half of them in the middle of what a stop writes, which is short.
    if (random() < 0.5) release();
    await Promise.race([served.exited, delay(random() * (random() < 0.5 ? holdMsMax : killAfterMsMax))]);
    kill('SIGKILL');
  }
  const exit = await served.exited;
  release();
  return exit;
}

test(`${cases} stops in the middle of work lose and repeat nothing (CRASH_SEED=${seed})`, {
  timeout: cases * 30_000 + 60_000,
}, async () => {
  const startedAt = performance.now();
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const gate = await Gate.start();
  onTestFinished(() => gate.close());
  const random = createSeeded(seed);
  const witness = new Witness(dir);
  const ids: string[] = [];
  const ended: Record<string, number> = { good: 0, cut: 0 };
  const serve = () => new Served(dir, { HTTP_ALLOW_HOSTS: gate.host });
  const look = async (url: string, id: string, query = '') => {
    const known = witness.knownVersion(id);
    const { json } = await api(url, 'GET', `/workflows/${id}${query}`);
    const workflow = json as Workflow;
    witness.reply({ ...workflow, json: JSON.stringify(workflow) }, known);
    return workflow;
  };
  for (let n = 0; n < cases; n += 1) {
    const served = serve();
    const url = await served.listening();
    for (const id of ids) await look(url, id);
    const created = await Promise.all(definitions(gate, n).map((body) => api(url, 'POST', '/workflows', body)));
    expect(created.map(({ status }) => status)).toEqual([201, 201, 201]);
    const fresh = created.map(({ json }) => (json as Workflow).id);
    ids.push(...fresh);
    await gate.arrived(`gate-${n}`);
    await look(url, fresh[1]!);
    const way = ways[n % ways.length]!;
    const exit = await stop(way, served, gate, n, random);
    if (exit.code === 0) expectGoodOrder(dir, exit);
    if (way === 'SIGTERM' || way === 'SIGINT') expect(exit.code).toBe(0);
    if (way === 'SIGTERM twice') expect(exit.code).toBe(130);
    ended[exit.code === 0 ? 'good' : 'cut']! += 1;
    if (exit.code === 0 && way !== 'SIGTERM, then SIGKILL') {
      // What ran was waited for and recorded; what had not begun was not begun.
      const { steps } = dir.state(fresh[0]!);
      expect(steps.map(({ status, attempt }) => [status, attempt])).toEqual([
        ['COMPLETED', 1],
        ['PENDING', 0],
      ]);
      expect(gate.arrivals(`gate-${n}`)).toBe(1);
    }
    witness.readFilesOnce();
  }
  const served = serve();
  const url = await served.listening();
  for (const [i, id] of ids.entries()) {
    const { status, steps } = await look(url, id, '?wait=60');
    expect(status).toBe('COMPLETED');
    const n = Math.floor(i / 3);
    if (i % 3 !== 0) continue;
    // Every request to the gate was an attempt that the step tells of.
    expect(gate.arrivals(`gate-${n}`)).toBe(steps[0]!.attempt);
    if (ways[n % ways.length] === 'SIGTERM' || ways[n % ways.length] === 'SIGINT') expect(steps[0]!.attempt).toBe(1);
  }
  served.child.kill('SIGTERM');
  expectGoodOrder(dir, await served.exited);
  reportFigures('clean stops', startedAt, {
    cases,
    ...witness.counts,
    seed,
    inGoodOrder: ended.good!,
    cutShort: ended.cut!,
    acknowledgedCalls: ids.length,
    repliesChecked: witness.replies,
  });
  expect(witness.violations).toEqual([]);
});
