/**
 * Goal: the product starts or says in one line why not, has one owner for its data (G13), and ends cleanly when it is told
 * to (G20). Method: `serve` in processes of its own.
 */
import fs from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { Gate } from '../fixtures/gate.ts';
import { api, type Exit, Served } from './served.ts';

function newDir(): EngineDir {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  return dir;
}

function expectOneLine({ stderr, stdout }: Exit, ...parts: string[]): void {
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  for (const part of parts) expect(stderr).toContain(part);
  expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
  expect(stdout).not.toContain('listening');
}

describe('a start that cannot be', () => {
  test('bad settings end it with one line that names the setting, the value and what is allowed', async () => {
    const dir = newDir();
    const file = `${dir.root}/file`;
    fs.writeFileSync(file, '');
    const bad: [Record<string, string>, string[]][] = [
      [{ MAX_PARALLEL_NODES: '0' }, ['MAX_PARALLEL_NODES', '"0"', 'allowed']],
      [{ LOG_LEVEL: 'loud' }, ['LOG_LEVEL', '"loud"', 'debug']],
      [{ WORKFLOWS_DIR: file }, ['WORKFLOWS_DIR', file]],
      [{ WORKFLOWS_DIR: '/proc/nowhere' }, ['WORKFLOWS_DIR', '/proc/nowhere']],
      [{ QUEUE_STATE_FILE: dir.root }, ['QUEUE_STATE_FILE', dir.root]],
    ];
    const exits = await Promise.all(bad.map(([env]) => new Served(dir, env).exited));
    exits.forEach((exit, n) => {
      expect(exit.code).toBe(1);
      expectOneLine(exit, ...bad[n]![1]);
    });
    // Nothing was begun.
    expect(fs.existsSync(dir.workflowsDir)).toBe(false);
  });

  test('a taken port ends it with one line, and gives the data free again', async () => {
    const dir = newDir();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const exit = await new Served(dir, { PORT: String(port), LOG_LEVEL: 'fatal' }).exited;
    expect(exit.code).not.toBe(0);
    expectOneLine(exit, String(port));
    const next = new Served(dir);
    await next.listening();
  });
});

test('a second engine on the same data ends at once with 75 and names the owner; the first goes on', async () => {
  const dir = newDir();
  const first = new Served(dir);
  const url = await first.listening();
  const created = await api(url, 'POST', '/workflows?wait=30', { name: 'mine', steps: [{ id: 'a', action: 'noop' }] });
  const { id } = created.json as Workflow;
  await dir.untilState(id, ({ status }) => status === 'COMPLETED');
  const bytes = dir.stateText(id);
  fs.symlinkSync(dir.workflowsDir, `${dir.root}/alias`);
  const others = [
    new Served(dir),
    new Served(dir, { WORKFLOWS_DIR: `${dir.root}/alias`, QUEUE_STATE_FILE: `${dir.root}/other.json` }),
  ];
  for (const exit of await Promise.all(others.map(({ exited }) => exited))) {
    expect(exit.code).toBe(75);
    expectOneLine(exit, 'WORKFLOWS_DIR', String(first.child.pid));
  }
  expect(dir.stateText(id)).toBe(bytes);
  expect((await api(url, 'GET', `/workflows/${id}`)).status).toBe(200);
  // After a kill of the owner the next one starts at once.
  first.child.kill('SIGKILL');
  await first.exited;
  const next = new Served(dir);
  expect((await api(await next.listening(), 'GET', `/workflows/${id}`)).json).toMatchObject({ status: 'COMPLETED' });
});

test('SIGTERM lets running steps end, exits 0, and the next start runs nothing again', async () => {
  const dir = newDir();
  const gate = await Gate.start();
  onTestFinished(() => gate.close());
  const env = { HTTP_ALLOW_HOSTS: gate.host };
  const first = new Served(dir, env);
  const url = await first.listening();
  const definition = {
    name: 'ends',
    steps: [gate.step('held'), { id: 'after', action: 'noop', dependencies: ['held'] }],
  };
  const created = await api(url, 'POST', '/workflows', definition);
  expect(created.status).toBe(201);
  const { id } = created.json as Workflow;
  const done = (await api(url, 'POST', '/workflows?wait=30', { name: 'done', steps: [{ id: 'a', action: 'noop' }] }))
    .json as Workflow;
  await gate.arrived('held');
  first.child.kill('SIGTERM');
  await first.until(/SIGTERM: stopping/);
  // No new work, while what runs may end.
  const late = await api(url, 'POST', '/workflows', definition).catch(() => ({ status: 503 }));
  expect(late.status).toBe(503);
  gate.release('held', { body: 'in time' });
  expect(await first.exited).toMatchObject({ code: 0, stderr: '' });
  const left = dir.state(id);
  expect(left.steps.map(({ status, attempt }) => [status, attempt])).toEqual([
    ['COMPLETED', 1],
    ['PENDING', 0],
  ]);

  const second = new Served(dir, env);
  const again = await second.listening();
  const finished = (await api(again, 'GET', `/workflows/${id}?wait=30`)).json as Workflow;
  expect(finished.status).toBe('COMPLETED');
  expect(finished.steps[0]).toEqual(left.steps[0]);
  expect(finished.steps[1]!.attempt).toBe(1);
  expect((await api(again, 'GET', `/workflows/${done.id}`)).json).toEqual(done);
  expect(gate.arrivals('held')).toBe(1);
  second.child.kill('SIGINT');
  expect((await second.exited).code).toBe(0);
  const bytes = [id, done.id].map((each) => dir.stateText(each));
  const third = new Served(dir, env);
  await third.listening();
  expect([id, done.id].map((each) => dir.stateText(each))).toEqual(bytes);
  expect(third.stdout).not.toContain('Recovered');
});

test('a second signal ends it at once, and that is as safe as a crash', async () => {
  const dir = newDir();
  const gate = await Gate.start();
  onTestFinished(() => gate.close());
  const env = { HTTP_ALLOW_HOSTS: gate.host };
  const first = new Served(dir, env);
  const { id } = (await api(await first.listening(), 'POST', '/workflows', { name: 'cut', steps: [gate.step('held')] }))
    .json as Workflow;
  await gate.arrived('held');
  first.child.kill('SIGTERM');
  await first.until(/SIGTERM: stopping/);
  first.child.kill('SIGTERM');
  expect((await first.exited).code).toBe(130);
  gate.open('held');
  const second = new Served(dir, env);
  const url = await second.listening();
  expect(((await api(url, 'GET', `/workflows/${id}?wait=30`)).json as Workflow).steps[0]).toMatchObject({
    status: 'COMPLETED',
    attempt: 2,
  });
  expect(second.stdout).toContain(`Recovered workflow ${id}`);
});
