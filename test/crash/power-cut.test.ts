/**
 * Goal: what was acknowledged or shown survives the loss of power on a real file system (G1 to G3, G8; C4).
 * Method: the engine's data lies in an image on a loop device. At a seeded moment the engine is halted (SIGSTOP), the image
 * is copied, the engine is killed, and the next one starts on the copy. `POWER_CUTS` raises the number, `CRASH_SEED`
 * chooses the moments.
 *
 * Shown: nothing is promised that only the page cache held, and the file system's own journal or log, cut at any point,
 * brings back what the engine needs. Not shown: a disk that loses or reorders what it was handed and not told to flush,
 * or that lies about it. The image holds every write from the moment that it was handed over. Orders like that are what
 * test/store/power-cut.test.ts and the simulation make up.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { EngineOptions } from '../../src/main.ts';
import { emitted } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { EngineProcess } from '../fixtures/engine-process.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { createSeeded } from '../fixtures/seeded.ts';
import { Clients } from './clients.ts';
import { type FileSystemKind, LoopDisk, whyNotMountable } from './loop-disk.ts';
import { Witness } from './witness.ts';

const cuts = Number(process.env.POWER_CUTS ?? 10);
const seed = Number(process.env.CRASH_SEED ?? 1);
/** Then the next file system begins, so that none is filled by what finished workflows leave. */
const cutsPerDisk = 25;
const openWorkflows = 5;
const lifeEventsMax = 30;
const momentMsMax = 10;
const idleLifeMs = 1_000;
/** Making an xfs takes long, and its images are large: runs shorter than this leave it out. */
const cutsWithXfs = 50;

const MiB = 1024 * 1024;
const ext4: FileSystemKind = { name: 'ext4', mkfs: ['mkfs.ext4', '-q', '-F'], mountOptions: '', imageBytes: 96 * MiB };
/** Neither waits for a file's data before its new name or its new length is durable. */
const lax: FileSystemKind = {
  ...ext4,
  name: 'ext4 (data=writeback,noauto_da_alloc)',
  mountOptions: 'data=writeback,noauto_da_alloc',
};
const xfs: FileSystemKind = { name: 'xfs', mkfs: ['mkfs.xfs', '-q', '-f'], mountOptions: '', imageBytes: 320 * MiB };

interface Tally {
  acknowledgedCalls: number;
  workflows: number;
  events: number;
  repliesChecked: number;
  recoveriesWithWork: number;
  /** What recovery has set aside a copy of: tails of the journal, views that the cut has torn. */
  keptAside: number;
  lostAcknowledged: number;
  changedResults: number;
  repeatedSteps: number;
  unreadableFiles: number;
  violations: string[];
}

/** One file system, through so many cuts, until all that was accepted is complete. */
async function live(kind: FileSystemKind, lives: number, random: () => number): Promise<Tally> {
  const dir = new EngineDir();
  const disk = new LoopDisk(kind, dir.root);
  onTestFinished(() => {
    disk.remove();
    dir.remove();
  });
  const witness = new Witness(dir);
  const clients = new Clients(witness);
  const options: EngineOptions = {
    ownThread: false,
    settings: { ...dir.settings, poolThreads: 1, maxParallelNodes: 4, logLevel: 'fatal' },
  };
  const spawn = () => {
    const script = emitted('test/fixtures/engine-child.ts');
    const life: EngineProcess = new EngineProcess((event) => witness.event(event, life), script);
    return life;
  };
  const start = async (life: EngineProcess) => {
    await life.start(options, witness.eventsAfter);
    witness.begun((await life.call('stats')).last_seq, life);
    witness.readFilesOnce();
    clients.goTo(life);
    await clients.lookAtAll();
  };
  let spare = spawn();
  onTestFinished(() => spare.kill());
  for (let cut = 0; cut < lives; cut += 1) {
    const life = spare;
    onTestFinished(() => life.kill());
    spare = spawn();
    const isPatient = cut % 3 === 2;
    const isCutInRecovery = cut % 5 === 4 && !isPatient;
    if (isCutInRecovery) {
      const started = life.start(options, witness.eventsAfter);
      started.catch(() => undefined); // Cut before it was up.
      await Promise.race([started, delay(random() * 300)]);
    } else {
      await start(life);
      if (isPatient) await clients.pastEnded();
      while (clients.open < openWorkflows) clients.begin();
      await Promise.race([witness.progress(1 + Math.floor(random() * lifeEventsMax)), delay(idleLifeMs)]);
      // At once after something was told, or a moment later.
      if (random() < 0.5) await delay(random() * momentMsMax);
    }
    life.suspend();
    const copy = disk.copy();
    await life.kill();
    disk.restart(copy);
  }
  await start(spare);
  await clients.finish();
  witness.readFilesOnce();
  await spare.call('close');
  return {
    ...witness.counts,
    violations: witness.violations,
    acknowledgedCalls: clients.acknowledgedCalls,
    workflows: clients.begun,
    events: witness.seqMax,
    repliesChecked: witness.replies,
    recoveriesWithWork: witness.recoveries.size,
    keptAside: dir.quarantined().length,
  };
}

async function cutPower(kind: FileSystemKind, total: number): Promise<void> {
  const startedAt = performance.now();
  const random = createSeeded(seed);
  const tallies: Tally[] = [];
  for (let left = total; left > 0; left -= cutsPerDisk)
    tallies.push(await live(kind, Math.min(left, cutsPerDisk), random));
  const sum = (key: Exclude<keyof Tally, 'violations'>) => tallies.reduce((before, tally) => before + tally[key], 0);
  reportFigures(`power cuts on ${kind.name}`, startedAt, {
    cases: total,
    lostAcknowledged: sum('lostAcknowledged'),
    changedResults: sum('changedResults'),
    repeatedSteps: sum('repeatedSteps'),
    unreadableFiles: sum('unreadableFiles'),
    seed,
    acknowledgedCalls: sum('acknowledgedCalls'),
    workflows: sum('workflows'),
    events: sum('events'),
    repliesChecked: sum('repliesChecked'),
    recoveriesWithWork: sum('recoveriesWithWork'),
    keptAside: sum('keptAside'),
  });
  expect(tallies.flatMap(({ violations }) => violations)).toEqual([]);
  // The cuts did hit work that was under way.
  expect(sum('recoveriesWithWork')).toBeGreaterThan(total / 3);
}

describe('a power cut takes back nothing that was told', () => {
  const plans: [FileSystemKind, number][] = [
    [ext4, cuts],
    [lax, Math.ceil(cuts * 0.3)],
    ...(cuts >= cutsWithXfs ? [[xfs, Math.ceil(cuts * 0.3)] as [FileSystemKind, number]] : []),
  ];
  for (const [kind, total] of plans) {
    const obstacle = whyNotMountable(kind);
    const name = `${total} times on ${kind.name} (CRASH_SEED=${seed})`;
    test.skipIf(obstacle !== null)(
      obstacle === null ? name : `${name}: SKIPPED, ${obstacle}`,
      {
        timeout: total * 20_000 + 60_000,
      },
      () => cutPower(kind, total),
    );
  }
});
