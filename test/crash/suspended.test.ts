/**
 * Goal: an engine that was halted for a while, as a laptop's sleep halts it, goes on as if nothing had been: what fell due
 * meanwhile happens at once and once, what did not is not ended (G17; T1). Method: SIGSTOP and SIGCONT of `serve`, with a
 * back-off pending and deadlines armed. `SUSPEND_MS` is how long it is halted. Jumps of the wall clock are in the simulation.
 */
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { Gate } from '../fixtures/gate.ts';
import { api, Served } from './served.ts';

const suspendMs = Number(process.env.SUSPEND_MS ?? 3_000);

async function halt(served: Served): Promise<void> {
  const pid = served.child.pid!;
  served.child.kill('SIGSTOP');
  const isHalted = () => fs.readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') T ');
  while (!isHalted()) await delay(1);
}

test.skipIf(process.platform !== 'linux')(
  `a halt of ${suspendMs} ms delays what fell due in it and ends nothing else`,
  { timeout: suspendMs + 120_000 },
  async () => {
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    const gate = await Gate.start();
    onTestFinished(() => gate.close());
    const served = new Served(dir, { HTTP_ALLOW_HOSTS: gate.host });
    const url = await served.listening();
    const submit = async (name: string, rest: object) => {
      const { status, json } = await api(url, 'POST', '/workflows', { name, steps: [gate.step(name, rest)] });
      expect(status).toBe(201);
      await gate.arrived(name);
      return (json as Workflow).id;
    };
    const finished = async (id: string) => (await api(url, 'GET', `/workflows/${id}?wait=60`)).json as Workflow;

    const patient = await submit('patient', { timeoutMs: suspendMs + 100_000 });
    // Half of the back-off at least is still to come when the engine is halted.
    const again = await submit('again', { retry: { attemptsMax: 2, backoffMs: suspendMs, backoffMsMax: suspendMs } });
    const late = await submit('late', { timeoutMs: Math.ceil(suspendMs / 2), retry: { attemptsMax: 1 } });
    gate.release('again', { status: 503 });
    await served.until(/step\.retrying/);
    await halt(served);
    await delay(suspendMs);
    gate.open('again', { body: 'at last' });
    served.child.kill('SIGCONT');

    const retried = await finished(again);
    expect([retried.status, retried.steps[0]!.attempt, gate.arrivals('again')]).toEqual(['COMPLETED', 2, 2]);
    const ended = await finished(late);
    expect([ended.status, ended.steps[0]!.attempt, gate.arrivals('late')]).toEqual(['FAILED', 1, 1]);
    expect(ended.steps[0]!.error).toContain('took longer than its');
    // The deadline of this one is far away: it was not touched.
    gate.release('patient', { body: 'still here' });
    const unhurt = await finished(patient);
    expect([unhurt.status, unhurt.steps[0]!.attempt, gate.arrivals('patient')]).toEqual(['COMPLETED', 1, 1]);
    for (const { steps } of [retried, ended, unhurt])
      for (const { startTime, endTime } of steps) expect(endTime! >= startTime!).toBe(true);
    served.child.kill('SIGTERM');
    expect(await served.exited).toMatchObject({ code: 0, stderr: '' });
  },
);
