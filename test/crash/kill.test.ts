/**
 * Goal: kill -9 at any moment costs nothing that anybody was told (G1 to G4, G6 to G8; C3, C6, C8, V1).
 * Faults: SIGKILL of the whole process, at seeded moments: in the middle of work and of recovery. Real files, real pool;
 * the page cache survives, as it does when a process is killed. The next process is loaded while one lives, so that a life
 * costs little more than its work. `CRASH_CYCLES` raises the number of kills, `CRASH_SEED` chooses the moments.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineOptions } from '../../src/main.ts';
import { emitted } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { EngineProcess } from '../fixtures/engine-process.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { createSeeded } from '../fixtures/seeded.ts';
import { Clients } from './clients.ts';
import { Witness } from './witness.ts';

const cycles = Number(process.env.CRASH_CYCLES ?? 50);
const seed = Number(process.env.CRASH_SEED ?? 1);
/** So many workflows are on their way in every life, whatever the number of lives. */
const openWorkflows = 6;
/** A life ends when this many events have come at most, and a moment later, so that it gets somewhere on any machine. */
const lifeEventsMax = 45;
const momentMsMax = 15;
/** A life in which no more events come ends all the same. */
const idleLifeMs = 1_000;

test(`after ${cycles} kills every accepted workflow is complete, and nothing shown was taken back (CRASH_SEED=${seed})`, {
  timeout: cycles * 20_000 + 60_000,
}, async () => {
  const startedAt = performance.now();
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const random = createSeeded(seed);
  const witness = new Witness(dir);
  const clients = new Clients(witness);
  const options: EngineOptions = {
    ownThread: false,
    settings: { ...dir.settings, poolThreads: 1, maxParallelNodes: 4, logLevel: 'error' },
  };
  const spawn = () => {
    const script = emitted('test/fixtures/engine-child.ts');
    const life: EngineProcess = new EngineProcess((event) => witness.event(event, life), script);
    return life;
  };
  const start = async (life: EngineProcess) => {
    await life.start(options, witness.eventsAfter);
    witness.begun((await life.call('stats')).last_seq, life);
    clients.goTo(life);
  };
  const reading = Promise.all([witness.readFiles(), clients.poll()]);
  onTestFinished(() => witness.stop());
  let spare = spawn();
  onTestFinished(() => spare.kill());
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    const life = spare;
    spare = spawn();
    const isPatient = cycle % 3 === 2;
    const isKilledInRecovery = cycle % 5 === 4 && !isPatient;
    if (isKilledInRecovery) {
      const started = life.start(options, witness.eventsAfter);
      started.catch(() => undefined); // Killed before it was up.
      await Promise.race([started, delay(random() * 300)]);
    } else {
      await start(life);
      if (isPatient) await clients.pastEnded();
      while (clients.open < openWorkflows) clients.begin();
      await Promise.race([witness.progress(Math.floor(random() * lifeEventsMax)), delay(idleLifeMs)]);
      await delay(random() * momentMsMax);
    }
    await life.kill();
  }
  await start(spare);
  await clients.finish();
  await spare.call('close');
  witness.stop();
  await reading;
  witness.readFilesOnce();

  reportFigures('SIGKILL cycles', startedAt, {
    cases: cycles,
    ...witness.counts,
    seed,
    acknowledgedCalls: clients.acknowledgedCalls,
    workflows: clients.begun,
    events: witness.seqMax,
    repliesChecked: witness.replies,
    filesRead: witness.filesRead,
    recoveriesWithWork: witness.recoveries.size,
  });
  expect(witness.violations).toEqual([]);
  expect(dir.queue()).toEqual([]);
  expect(dir.quarantined()).toEqual([]);
  expect(witness.filesRead).toBeGreaterThan(cycles);
  // The kills did hit work that was under way.
  expect(witness.recoveries.size).toBeGreaterThan(cycles / 2);
  expect(witness.resumptions.size).toBeGreaterThan(cycles / 10);
});
