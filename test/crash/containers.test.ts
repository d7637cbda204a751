/**
 * Goal: two engines in containers of their own, with their own processes and network, never share a directory (G13): the
 * second ends with 75 while the first works, nothing acknowledged is missing, no step runs twice, and after kill -9 of the
 * first the next one starts. Method: whole engines in `unshare`, under the clients and the witness of kill.test.ts.
 * `CONTAINER_ROUNDS` raises the number of rounds, `CONTAINER_BURNERS` adds processes that take processor time.
 */
import { type ChildProcess, spawn as spawnProcess, spawnSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineOptions } from '../../src/main.ts';
import { emitted } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { EngineProcess, Unstartable } from '../fixtures/engine-process.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { Clients } from './clients.ts';
import { Witness } from './witness.ts';

const rounds = Number(process.env.CONTAINER_ROUNDS ?? 2);
const burners = Number(process.env.CONTAINER_BURNERS ?? 0);
const container = ['unshare', '--net', '--pid', '--fork', '--mount-proc', '--kill-child'];
const canContain = spawnSync(container[0]!, [...container.slice(1), 'true']).status === 0;
/** So many workflows are on their way in every round. */
const openWorkflows = 6;

function burn(): ChildProcess {
  const child = spawnProcess(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

test.skipIf(!canContain)(
  `a second container is refused, and follows the first after its kill, ${rounds} times${canContain ? '' : ' (SKIPPED: unshare -n -p is not allowed here)'}`,
  { timeout: rounds * 60_000 + 60_000 },
  async () => {
    const startedAt = performance.now();
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    const witness = new Witness(dir);
    const clients = new Clients(witness);
    const options: EngineOptions = {
      ownThread: false,
      settings: { ...dir.settings, poolThreads: 1, maxParallelNodes: 4, logLevel: 'error' },
    };
    const spawn = () => {
      const script = emitted('test/fixtures/engine-child.ts');
      const life: EngineProcess = new EngineProcess((event) => witness.event(event, life), script, container);
      onTestFinished(() => life.kill());
      return life;
    };
    for (let burner = 0; burner < burners; burner += 1) burn();
    const refusedMs: number[] = [];
    const takenOverMs: number[] = [];
    let life = spawn();
    await life.start(options, 0);
    const reading = Promise.all([witness.readFiles(), clients.poll()]);
    onTestFinished(() => witness.stop());
    for (let round = 0; round < rounds; round += 1) {
      witness.begun((await life.call('stats')).last_seq, life);
      clients.goTo(life);
      await clients.pastEnded();
      while (clients.open < openWorkflows) clients.begin();
      await witness.progress(8);
      const second = spawn();
      const askedAt = performance.now();
      const refusal = await second.start(options, 0).catch((error: unknown) => error);
      refusedMs.push(Math.round(performance.now() - askedAt));
      expect(refusal).toBeInstanceOf(Unstartable);
      expect(refusal).toMatchObject({
        exitStatus: 75,
        message: expect.stringContaining('is in use by process 1 of another container or machine: '),
      });
      // The first works on, and the next one comes the moment it dies in the middle of its work.
      while (clients.open < openWorkflows) clients.begin();
      await witness.progress(4);
      await second.kill();
      const next = spawn();
      await life.killInner();
      const killedAt = performance.now();
      await next.start(options, witness.eventsAfter);
      takenOverMs.push(Math.round(performance.now() - killedAt));
      life = next;
    }
    witness.begun((await life.call('stats')).last_seq, life);
    clients.goTo(life);
    await clients.finish();
    await life.call('close');
    witness.stop();
    await reading;
    witness.readFilesOnce();
    reportFigures('two containers', startedAt, {
      cases: rounds,
      ...witness.counts,
      acknowledgedCalls: clients.acknowledgedCalls,
      workflows: clients.begun,
      burners,
      refusedMsMax: Math.max(...refusedMs),
      startedAfterKillMsMax: Math.max(...takenOverMs),
    });
    expect(witness.violations).toEqual([]);
    expect(dir.queue()).toEqual([]);
    expect(dir.quarantined()).toEqual([]);
    expect(witness.recoveries.size).toBeGreaterThan(0);
  },
);
