/**
 * Goal: whatever bits of a data directory change between two lives, the next start comes, nobody else's work is touched,
 * what the journal holds is rebuilt, and what cannot be is reported, never shown as if nothing had been (B2, G8, G9).
 * Method: flips of 1 to 8 bits, or 512 bytes of zeros, in one file of a directory that has one of everything; a start on
 * it, everything run to its end, and another start after a crash. Held against what clients had been told.
 */
import { afterAll, expect, test } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import { StartError } from '../../src/contract/store.ts';
import { isTerminal, type Workflow } from '../../src/contract/workflow.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { createSeeded } from '../fixtures/seeded.ts';
import { type Base, createBase, type Told } from './base-life.ts';
import { readLines } from './journal-lines.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { engineDir, type MemoryEngine, openMemoryEngine, queueStateFile, Runs, workflowsDir } from './memory-engine.ts';
import { StillClock, settle } from './still-clock.ts';

const startedAt = performance.now();
const first = Number(process.env.DAMAGE_FROM ?? 1);
const flips = Number(process.env.DAMAGE_FLIPS ?? 500);
/** A start waits for a lock file that names nobody: meanwhile others go on. */
const casesAtOnce = 16;

const figures = { cases: 0, refusedStarts: 0, rebuilt: 0, setAside: 0, takenOver: 0, secondStarts: 0 };
afterAll(() => {
  const nothing = { lostAcknowledged: 0, changedResults: 0, repeatedSteps: 0, unreadableFiles: 0 };
  if (figures.cases > 0) reportFigures('random damage', startedAt, { ...figures, ...nothing });
});

interface Damage {
  file: string;
  bytes: Buffer;
  text: string;
}

function damage(disk: MemoryDisk, random: () => number): Damage {
  const files = disk.files();
  const file = files[Math.floor(random() * files.length)] as string;
  const bytes = Buffer.from(disk.read(file));
  const kind = Math.floor(random() * 5);
  if (kind === 4) {
    const at = Math.floor(random() * bytes.length);
    const from = random() < 0.5 ? at : at - (at % 512);
    bytes.fill(0, from, Math.min(bytes.length, from + 512));
    return { file, bytes, text: `512 zeros at ${from} of ${file}` };
  }
  const bits = Array.from({ length: 2 ** kind }, () => Math.floor(random() * bytes.length * 8));
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  return { file, bytes, text: `bits ${bits.join(', ')} of ${file}` };
}

/** Workflows that the journal holds from their beginning, and no index line stands for. */
function rebuildableOf({ disk }: Base): Set<string> {
  const indexed = disk.read(`${engineDir}/finished.jsonl`).toString();
  const segments = disk.files().filter((file) => file.endsWith('.hj'));
  const events = segments.flatMap((segment) => readLines(disk.read(segment)).flatMap(({ event }) => event ?? []));
  const created = events.filter(({ kind, workflowId }) => kind === 'workflow.created' && !indexed.includes(workflowId));
  return new Set(created.map(({ workflowId }) => workflowId));
}

/** What is shown of a workflow: its text, or why it is not. */
async function show({ engine }: MemoryEngine, id: string): Promise<string> {
  try {
    return (await engine.get(id)).json;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

class Case {
  readonly base: Base;
  readonly rebuildable: ReadonlySet<string>;
  readonly damage: Damage;
  readonly disk: MemoryDisk;
  readonly #takenOver = new Set<string>();

  constructor(base: Base, rebuildable: ReadonlySet<string>, random: () => number) {
    this.base = base;
    this.rebuildable = rebuildable;
    this.damage = damage(base.disk, random);
    this.disk = base.disk.clone();
    this.disk.put(this.damage.file, this.damage.bytes);
  }

  async run(withSecondStart: boolean): Promise<void> {
    const { file } = this.damage;
    const runs = new Runs(this.base.runs);
    const options = { runs, holdsEnd: true, withLock: file.endsWith('/lock') };
    let life: MemoryEngine;
    try {
      life = await openMemoryEngine(this.disk, { ...options, clock: new StillClock(10_000) });
    } catch (error) {
      // A flipped version number may be a newer one.
      if (!(error instanceof StartError) || !file.endsWith('/format.json')) throw error;
      expect(error.message).toMatch(/has format \d+, this version of the engine knows format 2/);
      figures.refusedStarts += 1;
      return;
    }
    await settle();
    const shown = new Map<string, string>();
    for (const id of this.base.told.keys()) shown.set(id, await show(life, id));
    await settle();
    const { notices } = await life.engine.health();
    for (const [id, told] of this.base.told) await this.#judge(life, id, told, shown.get(id) as string, notices);
    // Not `expect(…).rejects`, which keeps what it was given until the test is over: a hundred thousand disks.
    expect(await show(life, this.base.deletedId)).toBe('NOT_FOUND');
    life.clock.advance(5_000);
    await settle();
    this.#judgeFiles(notices);
    expect(life.fatal).toEqual([]);
    if (withSecondStart) await this.#restart(life);
    else await life.engine.close();
  }

  async #judge(life: MemoryEngine, id: string, told: Told, shown: string, notices: string[]): Promise<void> {
    const { file } = this.damage;
    const isOwn = file.includes(id);
    if (shown === told.json) {
      if (isOwn && file.endsWith('/state.json') && this.rebuildable.has(id)) figures.rebuilt += 1;
    } else if (shown === 'SET_ASIDE') {
      if (!isOwn || this.rebuildable.has(id)) throw new Error(`${told.workflow.name} was set aside`);
      figures.setAside += 1;
      if (file.endsWith('/state.json')) expect(notices.join('\n')).toContain(id);
      return;
    } else if (!shown.startsWith('{')) {
      throw new Error(`${told.workflow.name} is gone: ${shown}`);
    } else {
      const now = JSON.parse(shown) as Workflow;
      const isTakenOver = now.warnings.some((warning) => warning.includes('taken over'));
      if (isTakenOver) {
        // A segment may have held the last change of a finished workflow: then its file is newer than all that is known.
        const isNewerFile = file.endsWith('.hj') && JSON.stringify(now.steps) === JSON.stringify(told.workflow.steps);
        if (!isNewerFile && (!isOwn || this.rebuildable.has(id)))
          throw new Error(`${told.workflow.name} was taken over`);
        figures.takenOver += 1;
        this.#takenOver.add(id);
        expect(notices.join('\n')).toContain(id);
        return;
      }
      this.#judgeGoneOn(life, told.workflow, now);
    }
    if (told.again) {
      const { definition, key } = told.again;
      const again = await life.engine.submit(definition, { idempotencyKey: key });
      expect({ id: again.id, replayed: again.replayed }).toEqual({ id, replayed: true });
    }
  }

  /** What was running when the engine died has come to its end; all else is as it was told. */
  #judgeGoneOn({ runs }: MemoryEngine, told: Workflow, now: Workflow): void {
    if (told.status !== 'RUNNING') {
      // A file of which neither manifest nor journal tell any more is adopted, which is a version of its own.
      const canBeAdopted = /\/checkpoint\.json$|\.hj$/.test(this.damage.file);
      const isAdopted = canBeAdopted && now.version === told.version + 1;
      const { version, updatedAt } = isAdopted ? now : told;
      expect(now).toEqual({ ...told, version, updatedAt });
      return;
    }
    expect(now.status).toBe('COMPLETED');
    expect(now.version).toBeGreaterThan(told.version);
    for (const [n, step] of now.steps.entries()) {
      const before = told.steps[n];
      if (before?.status === 'COMPLETED') expect(step).toEqual(before);
      else expect(runs.of(now.id, step.id)).toContain(JSON.stringify(step.outputs));
      expect(runs.of(now.id, step.id)).toHaveLength(1);
    }
  }

  #judgeFiles(notices: readonly string[]): void {
    const { file, bytes } = this.damage;
    const { disk, told } = this.base;
    for (const [id, { workflow }] of told) {
      const view = `${workflowsDir}/${id}/state.json`;
      const isUntouched = isTerminal(workflow.status) && view !== file && !this.#takenOver.has(id);
      if (isUntouched && !this.disk.read(view).equals(disk.read(view)))
        throw new Error(`state.json of ${workflow.name} was changed`);
      if (this.disk.has(view)) JSON.parse(this.disk.read(view).toString());
    }
    // What runs has come to its end, and what waits is not queued.
    expect(JSON.parse(this.disk.read(queueStateFile).toString())).toEqual([]);
    const isKnownByItsSum = file.endsWith('/state.json') || file.endsWith('/checkpoint.json');
    if (!isKnownByItsSum || disk.read(file).equals(bytes)) return;
    expect(notices).not.toEqual([]);
    const kept = this.disk.files().filter((each) => each.startsWith(`${engineDir}/quarantine/`));
    if (!kept.some((each) => this.disk.read(each).equals(bytes))) throw new Error('the damaged bytes were not kept');
  }

  /** After a crash of the life that met the damage, everything is as that life has shown it. */
  async #restart(life: MemoryEngine): Promise<void> {
    const showAll = (each: MemoryEngine) => Promise.all([...this.base.told.keys()].map((id) => show(each, id)));
    const shown = await showAll(life);
    await settle();
    const after = await openMemoryEngine(this.disk.clone(), { runs: life.runs, clock: new StillClock(20_000) });
    expect(await showAll(after)).toEqual(shown);
    figures.secondStarts += 1;
  }
}

test(
  `${flips} random damages to any file`,
  async () => {
    const bases = [await createBase('crash'), await createBase('clean')] as const;
    const rebuildable = bases.map(rebuildableOf);
    let next = first;
    const lane = async (): Promise<void> => {
      while (next < first + flips) {
        const number = next;
        next += 1;
        const which = number % 2;
        const one = new Case(bases[which] as Base, rebuildable[which] as Set<string>, createSeeded(number));
        try {
          await one.run(number % 3 === 0);
        } catch (error) {
          next = Number.POSITIVE_INFINITY;
          const repeat = `DAMAGE_FROM=${number} DAMAGE_FLIPS=1 npx vitest run test/damage/random-damage.test.ts`;
          throw new Error(`${one.damage.text}: ${(error as Error).message}; again: ${repeat}`, { cause: error });
        }
        figures.cases += 1;
      }
    };
    await Promise.all(Array.from({ length: casesAtOnce }, lane));
    expect(figures.cases).toBe(flips);
  },
  300_000 + flips * 200,
);
