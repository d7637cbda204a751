/** Engines over a disk that the test may spoil, one life after the other on the same directory. */
import fs from 'node:fs';
import os from 'node:os';
import { onTestFinished } from 'vitest';
import { DiskFailedError, DiskFullError, OutOfHandlesError, StartError } from '../../src/contract/store.ts';
import { type Clock, createClock } from '../../src/coordinator/clock.ts';
import type { Disk } from '../../src/store/disk.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { type InlineEngine, openInline } from '../fixtures/inline-engine.ts';
import { createFaultDisk } from '../store/fault-disk.ts';
import { Acknowledged, Script } from './script.ts';

/** The engine's pauses and looks for room, a hundred times as fast; its long waits are left as they are. */
export function quickClock(): Clock {
  const real = createClock();
  return { ...real, timer: (ms, callback) => real.timer(ms <= 2_000 ? ms / 100 : ms, callback) };
}

export interface Life extends InlineEngine {
  dir: EngineDir;
  /** Rejects when the engine cannot go on. */
  ended: Promise<never>;
}

export class EngineEnded extends Error {}

/** Real syncs are left out: the process goes on, so the page cache stands for the disk. */
export async function openLife(dir: EngineDir, disk?: Disk): Promise<Life> {
  let end: () => void = () => undefined;
  const ended = new Promise<never>((_, reject) => {
    end = () => reject(new EngineEnded());
  });
  ended.catch(() => undefined); // Raced by whoever waits for an answer.
  const sound = disk ?? createFaultDisk(() => undefined, { syncs: false }).disk;
  const inline = await openInline(dir, { disk: sound, clock: quickClock(), onFatal: () => end() });
  return { ...inline, dir, ended };
}

const ramDisk = '/dev/shm';
/** A run has a few directories of less than a megabyte at a time. */
const ramBytesMin = 256 * 1024 * 1024;

/**
 * Where these lives have their files: in memory, where the system offers that. Nothing is synced in them, so that a disk
 * below would add nothing but the time it takes to make and delete 30,000 files.
 */
function findParent(): string {
  const { bavail, bsize } = fs.existsSync(ramDisk) ? fs.statfsSync(ramDisk) : { bavail: 0, bsize: 0 };
  return bavail * bsize < ramBytesMin ? os.tmpdir() : ramDisk;
}

export function copyOf(dir: EngineDir): EngineDir {
  const copy = new EngineDir(findParent());
  fs.cpSync(dir.root, copy.root, { recursive: true });
  return copy;
}

export interface Base {
  dir: EngineDir;
  acknowledged: Acknowledged;
}

/** What an earlier life left: a checkpoint, an index, a file that only the journal stands behind, and a waiting step. */
export async function makeBase(): Promise<Base> {
  const dir = new EngineDir(findParent());
  onTestFinished(() => dir.remove());
  const life = await openLife(dir);
  const script = new Script(life, { onRefused: () => Promise.reject(new Error('refused')), ended: life.ended });
  await script.finish(await script.create('old', { name: 'old', steps: [{ id: 'a', action: 'noop' }] }));
  await life.coordinator.parts.checkpoints.make();
  await script.create('waits', { name: 'waits', steps: [{ id: 'in', action: 'external_data' }] });
  await life.engine.close();
  return { dir, acknowledged: script.acknowledged };
}

export function acknowledgedOf(base: Base): Acknowledged {
  const copy = new Acknowledged();
  for (const [id, version] of base.acknowledged.versions) copy.versions.set(id, version);
  for (const [name, shown] of base.acknowledged.results) copy.results.set(name, shown);
  return copy;
}

export interface NextLife {
  missing: string[];
  /** What recovery had to report. */
  notices: string[];
}

/** What a start on a sound disk finds. */
export async function lookAgain(dir: EngineDir, acknowledged: Acknowledged): Promise<NextLife> {
  const life = await openLife(dir);
  try {
    const missing = await acknowledged.missingIn(life.engine);
    return { missing, notices: [...life.coordinator.parts.incidents.notices] };
  } finally {
    for (const status of ['RUNNING', 'PENDING'] as const) {
      for (const { id } of (await life.engine.list({ status })).items) {
        await life.engine.stop(id).catch(() => undefined); // It may have ended meanwhile.
      }
    }
    await life.engine.close();
  }
}

/** The exit status of a start that the disk refused; coordinator-main.ts turns what recovery meets into it. */
export function startStatusOf(error: unknown): number | undefined {
  if (error instanceof StartError) return error.exitStatus;
  if (error instanceof DiskFullError || error instanceof OutOfHandlesError) return 1;
  return error instanceof DiskFailedError ? 74 : undefined;
}

/** A test that hangs says where. */
export async function bounded<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still not done after 90 s: ${what}`)), 90_000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
