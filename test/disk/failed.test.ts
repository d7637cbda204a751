/**
 * Goal: a disk that fails ends the engine with 74 and takes nothing that was acknowledged (G12, E4).
 * Method: one scripted run, with EIO at the first sync, the second, … and the same for renames, opens and reads; after the
 * fault nothing may be acknowledged, nothing synced again, nothing appended, and a start on a sound disk must have it all.
 * `DISK_OUTCOMES=all` adds EROFS.
 */
import fs from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import type { Disk } from '../../src/store/disk.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { createFaultDisk, diskError, type FaultDisk, type Operation } from '../store/fault-disk.ts';
import {
  acknowledgedOf,
  type Base,
  bounded,
  copyOf,
  type Life,
  lookAgain,
  makeBase,
  openLife,
  startStatusOf,
} from './lives.ts';
import { type Acknowledged, GaveUp, Script } from './script.ts';

const placesMax = 1_000;
const startedAt = performance.now();
const figures = { cases: 0, lostAcknowledged: 0, changedResults: 0, repeatedSteps: 0, unreadableFiles: 0 };
const counts = { syncsFailed: 0, renamesFailed: 0, opensFailed: 0, readsFailed: 0, endsWith74: 0 };

const isSync = ({ name }: Operation) => name.startsWith('fsync') || name.startsWith('fdatasync');
const isRename = ({ name }: Operation) => name.startsWith('rename');
const isOpen = ({ name }: Operation) => name === 'open' || name === 'openSync';
const isRead = ({ name }: Operation) => name.startsWith('readFile');
const inJournal = ({ path }: Operation) => path.endsWith('.hj') || path.endsWith('/journal');

interface Kind {
  what: string;
  count: keyof typeof counts;
  fits(operation: Operation): boolean;
  code: 'EIO' | 'ENOSPC' | 'EROFS';
}

/** Fails once, at the n-th operation of its kind; a second try would find the disk well again, as the kernel has it. */
class FailingDisk {
  readonly faulty: FaultDisk;
  readonly #kind: Kind;
  readonly #place: number;
  #seen = 0;
  failedAt = -1;
  failed: Operation | null = null;

  constructor(kind: Kind, place: number) {
    this.#kind = kind;
    this.#place = place;
    this.faulty = createFaultDisk((operation, index) => this.#intercept(operation, index), { syncs: false });
  }

  get disk(): Disk {
    return this.faulty.disk;
  }

  /** What was done after the fault. */
  get after(): Operation[] {
    return this.faulty.operations.slice(this.failedAt + 1);
  }

  #intercept(operation: Operation, index: number): undefined {
    if (!this.#kind.fits(operation)) return undefined;
    this.#seen += 1;
    if (this.#seen !== this.#place + 1) return undefined;
    this.failedAt = index;
    this.failed = operation;
    throw diskError(this.#kind.code);
  }
}

type Outcome = 'no fault' | 'start refused' | 'ended' | 'went on';

interface Run {
  outcome: Outcome;
  failing: FailingDisk;
  acknowledged: Acknowledged;
  dir: Life['dir'];
  gaveUp: Refusal | null;
}

async function run(base: Base, kind: Kind, place: number): Promise<Run> {
  const dir = copyOf(base.dir);
  onTestFinished(() => dir.remove());
  const failing = new FailingDisk(kind, place);
  const acknowledged = acknowledgedOf(base);
  const what = `${kind.code} at ${kind.what} ${place}`;
  const made = { failing, acknowledged, dir, gaveUp: null };
  let life: Life;
  try {
    life = await openLife(dir, failing.disk);
  } catch (error) {
    // A read-only file system from the first is a setting to be changed; one that becomes so is a failed disk.
    const statuses = kind.code === 'EROFS' ? [1, 74] : [74];
    const met = `${what} (${failing.failed?.name} ${failing.failed?.path}): ${String(error)}`;
    expect(statuses, met).toContain(startStatusOf(error));
    return { ...made, outcome: 'start refused' };
  }
  const script = new Script(life, { ended: life.ended, onRefused: async () => undefined }, acknowledged);
  let gaveUp: Refusal | null = null;
  try {
    await bounded(script.run(), what);
  } catch (error) {
    if (error instanceof GaveUp) gaveUp = error.cause as Refusal;
    // Ended: told by whoever waited for an answer, or by a call that came too late.
    else if (life.fatal.length === 0) throw error;
  }
  // What the last operation met is on its way through the engine's own promises.
  await new Promise((resolve) => setImmediate(resolve));
  if (life.fatal.length > 0) await expectNothingMore(life, acknowledged, what);
  await bounded(life.engine.close(), `the end after ${what}`);
  // The end itself may have met the fault.
  if (life.fatal.length > 0) {
    expect(new Set(life.exitStatuses), what).toEqual(new Set([74]));
    counts.endsWith74 += 1;
  }
  const outcome = life.fatal.length > 0 ? 'ended' : failing.failed ? 'went on' : 'no fault';
  return { ...made, gaveUp, outcome };
}

/** G12: no further acknowledgement. */
async function expectNothingMore({ engine }: Life, acknowledged: Acknowledged, what: string): Promise<void> {
  const [id = ''] = [...acknowledged.versions.keys()];
  await expect(engine.submit({ name: 'late', steps: [{ id: 'a', action: 'noop' }] }), what).rejects.toThrow();
  await expect(engine.externalData(id, { content: 'late' }), what).rejects.toThrow();
}

async function expectAllThere({ dir, acknowledged }: Run, what: string): Promise<void> {
  const { missing } = await bounded(lookAgain(dir, acknowledged), `the next life after ${what}`);
  figures.cases += 1;
  figures.lostAcknowledged += missing.length;
  expect(missing, what).toEqual([]);
}

/** Every place of a kind, until there is no further one. */
async function everyPlace(kind: Kind, look: (run: Run, what: string) => Promise<void>): Promise<Outcome[]> {
  const base = await makeBase();
  const outcomes: Outcome[] = [];
  for (let place = 0; ; place += 1) {
    expect(place).toBeLessThan(placesMax);
    const done = await run(base, kind, place);
    if (done.outcome === 'no fault') return outcomes;
    counts[kind.count] += 1;
    outcomes.push(done.outcome);
    const { failed } = done.failing;
    const what = `${kind.code} at ${kind.what} ${place} (${failed?.name} of ${failed?.path})`;
    await look(done, what);
    await expectAllThere(done, what);
    done.dir.remove();
  }
}

const syncs: Kind[] = [
  { what: 'sync', count: 'syncsFailed', fits: isSync, code: 'EIO' },
  // The kernel tells of lost pages by this code as well: it softens nothing.
  {
    what: 'sync',
    count: 'syncsFailed',
    fits: (operation) => isSync(operation) && inJournal(operation),
    code: 'ENOSPC',
  },
];

test.each(syncs)(
  'E4: $code at any $what is the end: none is tried again, none acknowledged',
  { timeout: 120_000 },
  async (kind) => {
    const outcomes = await everyPlace(kind, async ({ failing, outcome }, what) => {
      expect(outcome, what).not.toBe('went on');
      const again = failing.after.filter((operation) => isSync(operation) && operation.path === failing.failed?.path);
      expect(again, what).toEqual([]);
      // A view is synced beside the turns: one of them may write between the failure and its being told.
      if (failing.failed === null || !inJournal(failing.failed)) return;
      const appended = failing.after.filter(
        (operation) => inJournal(operation) && /^(write|f.*sync)/.test(operation.name),
      );
      expect(appended, what).toEqual([]);
    });
    expect(outcomes.filter((outcome) => outcome === 'ended').length).toBeGreaterThan(10);
  },
);

const changes: Kind[] = [
  { what: 'rename', count: 'renamesFailed', fits: isRename, code: 'EIO' },
  { what: 'open', count: 'opensFailed', fits: isOpen, code: 'EIO' },
];
if (process.env.DISK_OUTCOMES === 'all') {
  const creates = (operation: Operation) => isOpen(operation) && operation.creates === true;
  changes.push({ what: 'creation', count: 'opensFailed', fits: creates, code: 'EROFS' });
}

test.each(changes)('E4: $code at any $what is the end', { timeout: 120_000 }, async (kind) => {
  const outcomes = await everyPlace(kind, async ({ outcome }, what) => expect(outcome, what).not.toBe('went on'));
  expect(outcomes.filter((outcome) => outcome === 'ended').length).toBeGreaterThan(5);
});

test('E4: EIO at any read costs at most the workflow it was for', { timeout: 120_000 }, async () => {
  const kind: Kind = { what: 'read', count: 'readsFailed', fits: isRead, code: 'EIO' };
  const outcomes = await everyPlace(kind, async ({ failing, outcome, acknowledged, gaveUp }, what) => {
    const path = failing.failed?.path ?? '';
    const owner = [...acknowledged.versions.keys()].find((id) => path.includes(id));
    if (owner === undefined) {
      // The engine's own files: it cannot know what it would leave out, or whether the data is still its own.
      expect(['start refused', 'went on', 'ended'], what).toContain(outcome);
      return;
    }
    expect(outcome, what).toBe('went on');
    if (gaveUp) expect(gaveUp, what).toMatchObject({ code: 'SET_ASIDE', message: expect.stringContaining(owner) });
    // Set aside is what it is from here on, with its file kept; the others have to be there whole.
    acknowledged.versions.delete(owner);
  });
  expect(outcomes).toContain('went on');
  expect(outcomes).toContain('start refused');
});

test('a finished workflow whose file gives EIO is set aside alone, with its file kept', async () => {
  const base = await makeBase();
  const dir = copyOf(base.dir);
  onTestFinished(() => dir.remove());
  const [id = '', other = ''] = [...base.acknowledged.versions.keys()];
  let isBroken = false;
  const { disk } = createFaultDisk(
    (operation) => {
      if (isBroken && isRead(operation) && operation.path.includes(id)) throw diskError('EIO');
      return undefined;
    },
    { syncs: false },
  );
  const life = await openLife(dir, disk);
  onTestFinished(() => life.engine.close());
  isBroken = true;
  const refusal = await life.engine.get(id).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(Refusal);
  expect(refusal).toMatchObject({ code: 'SET_ASIDE', detail: expect.stringContaining('EIO') });
  expect((await life.engine.get(other)).id).toBe(other);
  expect(
    (await life.engine.submit({ name: 'on', steps: [{ id: 'a', action: 'noop' }] }, { waitMs: 60_000 })).status,
  ).toBe('COMPLETED');
  expect(life.fatal).toEqual([]);
  const [kept] = dir.quarantined();
  expect(fs.readdirSync(`${dir.workflowsDir}/.engine/quarantine/${kept}`).sort()).toEqual([
    'reason.json',
    'state.json',
  ]);
});

test('figures', () => {
  reportFigures('disk errors: failed', startedAt, { ...figures, ...counts });
});
