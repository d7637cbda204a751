/**
 * A data directory with one of everything in it, and what clients had been told by then. The same bytes at every run.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Workflow } from '../../src/contract/workflow.ts';
import { MemoryDisk } from './memory-disk.ts';
import { engineDir, type MemoryEngine, openMemoryEngine, type Runs } from './memory-engine.ts';
import { settle } from './still-clock.ts';

/** What a client was told of one workflow, the last thing it was told. */
export interface Told {
  readonly workflow: Workflow;
  readonly json: string;
  /** The creating call can be made again: same key, same workflow. */
  readonly again: { definition: Record<string, unknown>; key: string } | null;
}

export interface Base {
  readonly disk: MemoryDisk;
  readonly told: ReadonlyMap<string, Told>;
  readonly runs: Runs;
  readonly deletedId: string;
}

const stamp = (id: string, ...dependencies: string[]) => ({ id, action: 'stamp', dependencies });
const data = (id: string, ...dependencies: string[]) => ({ id, action: 'external_data', dependencies });
const hold = (id: string, ...dependencies: string[]) => ({ id, action: 'hold', dependencies });

class Life {
  readonly life: MemoryEngine;
  readonly again = new Map<string, Told['again']>();

  constructor(life: MemoryEngine) {
    this.life = life;
  }

  async submit(name: string, steps: object[], key?: string): Promise<string> {
    const definition = { name, steps };
    const { id } = await this.life.engine.submit(definition, key === undefined ? {} : { idempotencyKey: key });
    this.again.set(id, key === undefined ? null : { definition, key });
    await this.pass();
    return id;
  }

  /** Not through the engine, which stamps data with the machine's own time. */
  async feed(id: string, stepId: string): Promise<void> {
    await this.life.coordinator.call('externalData', {
      id,
      stepId,
      stepName: null,
      sourceUrl: null,
      action: 'external_data',
      outputsJson: JSON.stringify({ content: `fed to ${stepId}`, source_url: null }),
      metadata: {},
    });
    await this.pass();
  }

  /** Everything under way is through, and a moment passes. */
  async pass(): Promise<void> {
    await settle();
    this.life.clock.advance(7);
    await settle();
  }

  async told(): Promise<Map<string, Told>> {
    const told = new Map<string, Told>();
    for (const [id, again] of this.again) {
      const { workflow, json } = await this.life.engine.get(id);
      told.set(id, { workflow, json, again });
    }
    return told;
  }
}

/** What a killed process leaves of its lock: a pid of nobody, on this boot of this machine. */
function leaveLock(disk: MemoryDisk): void {
  let bootId: string | null = null;
  try {
    bootId = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Not Linux: the lock does not name the boot there.
  }
  const owner = { pid: 999_999_999, startTime: '123456', bootId, nonce: 'ab'.repeat(16) };
  disk.put(`${engineDir}/lock`, Buffer.from(`${JSON.stringify(owner)}\n`));
}

/**
 * Two lives: in the first, workflows that a checkpoint has put into the index and the manifest; in the second, work after
 * it. `crash`: killed with a step in flight; `clean`: stopped in good order, so that hardly anything is left to the journal.
 */
export async function createBase(end: 'crash' | 'clean'): Promise<Base> {
  const disk = new MemoryDisk();
  const life = await openMemoryEngine(disk);
  const { engine, coordinator, clock, runs } = life;
  const client = new Life(life);
  const chain = await client.submit('chain', [stamp('a'), stamp('b', 'a'), stamp('c', 'b')], 'key of the chain');
  const big = { id: 'big', action: 'stamp', params: { bytes: 70_000 } };
  await client.submit('blob', [big, stamp('after', 'big')]);
  const waiting = [stamp('a'), data('in', 'a'), stamp('b', 'in')];
  await client.submit('waits since before the checkpoint', waiting, 'key of the waiting one');
  const stopped = await client.submit('stopped', [stamp('a'), hold('h', 'a'), stamp('b', 'h')]);
  await engine.stop(stopped);
  const deletedId = await client.submit('deleted', [stamp('a')]);
  await engine.delete(deletedId);
  client.again.delete(deletedId);
  await client.pass();
  await coordinator.parts.checkpoints.make();

  const goesOn = await client.submit('goes on after the checkpoint', [data('in'), stamp('a', 'in'), data('in2', 'a')]);
  await client.feed(goesOn, 'in');
  await client.submit('waits', waiting);
  await client.submit('done', [stamp('a'), stamp('b', 'a')], 'key of the done one');
  const branch = await engine.branch(chain, { stepId: 'c' });
  client.again.set(branch.id, null);
  await client.pass();
  const running = await client.submit('runs', [stamp('a'), hold('h', 'a'), stamp('b', 'h')]);
  if (end === 'clean') await engine.stop(running);
  clock.advance(150);
  await client.pass();
  const told = await client.told();
  if (end === 'clean') await engine.close();
  const image = disk.clone();
  leaveLock(image);
  return { disk: image, told, runs, deletedId };
}

export interface SmallBase extends Pick<Base, 'disk' | 'told'> {
  /** The only segment with events. */
  readonly segment: string;
}

/**
 * Two workflows at rest and a journal of about 2 KiB that holds all of them, killed before a marker could vouch for the
 * last batch. Without views it is what a power cut leaves that took every state.json with it.
 */
export async function createSmallBase({ views }: { views: boolean }): Promise<SmallBase> {
  const disk = new MemoryDisk();
  const life = await openMemoryEngine(disk);
  const client = new Life(life);
  const first = await client.submit('first of two workflows', [stamp('a'), data('in', 'a')]);
  await client.submit('second of two workflows, with more to wait for than the first', [data('in'), data('in2', 'in')]);
  await client.feed(first, 'in');
  const told = await client.told();
  const image = disk.clone();
  if (!views) {
    const ofWorkflows = image.files().filter((file) => file.endsWith('/state.json'));
    for (const file of ofWorkflows) for (const lost of [file, path.dirname(file)]) image.remove(lost);
  }
  return { disk: image, told, segment: `${engineDir}/journal/000001.hj` };
}

/** One workflow that waits for three pieces of data and has been given the first, killed with a current view. */
export async function createFed(): Promise<{ disk: MemoryDisk; id: string; segment: string }> {
  const disk = new MemoryDisk();
  const client = new Life(await openMemoryEngine(disk));
  const id = await client.submit('fed', [data('in'), data('in2'), data('in3')]);
  await client.feed(id, 'in');
  return { disk: disk.clone(), id, segment: `${engineDir}/journal/000001.hj` };
}
