/**
 * Goal: no damage to a journal makes a silent difference (B1, C5, J2, J3, G9). Method: a small journal, every bit of it
 * flipped, its last two batches cut at every byte, and noise behind it; a start on each. What must be found is read from
 * the undamaged lines by a reader of its own.
 *
 * Twice: with every state.json current, when nothing may be lost, and with none at all, when the journal alone has it.
 */
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { recover } from '../../src/coordinator/recovery/recovery.ts';
import { Workflows } from '../../src/coordinator/workflows.ts';
import { ViewEncoder } from '../../src/core/view.ts';
import { openStore } from '../../src/store/store.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { createSeeded } from '../fixtures/seeded.ts';
import { createBase, createFed, createSmallBase, type SmallBase } from './base-life.ts';
import { type JournalLine, readLines, resultsOf } from './journal-lines.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { engineDir, openMemoryEngine, queueStateFile, workflowsDir } from './memory-engine.ts';
import { StillClock, settle } from './still-clock.ts';

const startedAt = performance.now();
const figures = { cases: 0, tails: 0, damages: 0, wholeStarts: 0, journalBytes: 0 };
afterAll(() => {
  const nothing = { lostAcknowledged: 0, changedResults: 0, repeatedSteps: 0, unreadableFiles: 0 };
  if (figures.cases > 0) reportFigures('bit flips of a journal', startedAt, { ...figures, ...nothing });
});

/** Tens of thousands of starts, on a machine that has other things to do. */
vi.setConfig({ testTimeout: 900_000 });

/** One in so many cases is a start of the whole engine; the others end with what recovery has decided and written. */
const wholeStartEvery = Number(process.env.DAMAGE_WHOLE_START_EVERY ?? 32);
/** Where views stand behind the journal, one bit in so many is flipped; where nothing does, every one is. */
const bitsWithViewsEvery = Number(process.env.DAMAGE_BITS_WITH_VIEWS_EVERY ?? 5);

interface Shown {
  notices: readonly { kind: string; message: string }[];
  /** Workflow → its text. */
  texts: ReadonlyMap<string, string>;
}

async function startStore(disk: MemoryDisk): Promise<Shown> {
  const store = await openStore({
    workflowsDir,
    queueStateFile,
    disk: disk.port,
    takeLock: async () => ({ isHeld: () => true, release: async () => undefined }),
  });
  const workflows = new Workflows();
  const { payloads, notices } = recover(store, workflows, new StillClock(1_000));
  store.begin(payloads);
  const encoder = new ViewEncoder();
  const texts = new Map([...workflows.live].map(([id, { state }]) => [id, encoder.encode(state)]));
  for (const id of workflows.finished.keys()) {
    const file = store.readStateSync(id);
    if (file.kind === 'intact') texts.set(id, file.text);
  }
  return { notices, texts };
}

async function startEngine(disk: MemoryDisk): Promise<Shown> {
  const { engine, found, fatal, log } = await openMemoryEngine(disk, { clock: new StillClock(1_000) });
  const texts = new Map<string, string>();
  for (const { id } of (await engine.list()).items) texts.set(id, (await engine.get(id)).json);
  expect(fatal).toEqual([]);
  const messages = new Set((await engine.health()).notices);
  // What recovery found is told to whoever asks for the engine's health.
  for (const { kind, message } of found.notices) if (kind !== 'info') expect(messages).toContain(message);
  const ofRecovery = log.map((line) => ({
    kind: line.startsWith('info ') ? 'info' : 'damage',
    message: line.slice(5),
  }));
  return { notices: [...found.notices, ...ofRecovery.filter(({ kind }) => kind === 'info')], texts };
}

class Bench {
  readonly base: SmallBase;
  readonly hasViews: boolean;
  readonly whole: Buffer;
  readonly lines: readonly JournalLine[];

  constructor(base: SmallBase, hasViews: boolean) {
    this.base = base;
    this.hasViews = hasViews;
    this.whole = base.disk.read(base.segment);
    this.lines = readLines(this.whole);
  }

  static async create(hasViews: boolean): Promise<Bench> {
    return new Bench(await createSmallBase({ views: hasViews }), hasViews);
  }

  /**
   * `good`: how many lines at the front are as they were written. Without a witness nothing behind the first bad line says
   * that what stood there was acknowledged.
   */
  async judge(segment: Buffer, good: number, hasWitness = true): Promise<void> {
    const disk = this.base.disk.clone();
    disk.put(this.base.segment, segment);
    const isWholeStart = figures.cases % wholeStartEvery === 0;
    const shown = await (isWholeStart ? startEngine(disk) : startStore(disk));
    figures.cases += 1;
    if (isWholeStart) figures.wholeStarts += 1;
    this.#expectReported(shown, segment, good, hasWitness, disk);
    if (this.hasViews || good === this.lines.length) this.#expectAll(shown);
    else this.#expectFirst(shown, good);
  }

  #expectReported({ notices }: Shown, segment: Buffer, good: number, hasWitness: boolean, disk: MemoryDisk): void {
    const kinds = notices.map(({ kind }) => kind).filter((kind) => kind !== 'info');
    const from = this.lines[good]?.from ?? this.whole.length;
    const isBoundary = segment.length === from;
    if (kinds.length === 0) {
      // Nothing is there that could be bad; where views are ahead, even that is noticed. A view of which the journal has
      // lost everything looks like a file that was copied in.
      const isNoticed = notices.some(({ message }) => /was adopted/.test(message));
      if (!isBoundary || (this.hasViews && !isNoticed)) throw new Error('not reported');
      return;
    }
    const lastLine = this.lines.findLast(({ from }) => from < segment.length);
    const isLastBatch = good === this.lines.length || this.lines[good]?.batch === lastLine?.batch;
    if (kinds.includes('tail')) {
      figures.tails += 1;
      if (!isLastBatch && hasWitness)
        throw new Error('an acknowledged batch with others behind it was taken for a torn tail');
      if (this.hasViews && good < this.lines.length) throw new Error('a tail that views stand behind was dropped');
    } else figures.damages += 1;
    // Kept aside, from the bad byte on at the least.
    if (isBoundary) return;
    const kept = disk
      .files()
      .filter((file) => file.startsWith(`${engineDir}/quarantine/`) && file.includes('000001.hj'));
    const bad = segment.subarray(from);
    if (!kept.some((file) => disk.read(file).includes(bad))) throw new Error('the bad bytes were not kept');
  }

  #expectAll({ notices, texts }: Shown): void {
    if (texts.size !== this.base.told.size) throw new Error(`${texts.size} workflows are left`);
    for (const [id, { json, workflow }] of this.base.told) {
      if (texts.get(id) === json) continue;
      const found = JSON.parse(texts.get(id) ?? 'null') as Workflow;
      // An adoption is a version of its own.
      const isAdopted = notices.some(({ message }) => message === `Workflow ${id} was adopted from its state.json`);
      const { version, updatedAt } = isAdopted ? found : workflow;
      expect(version).toBeGreaterThanOrEqual(workflow.version);
      expect(found).toEqual({ ...workflow, version, updatedAt });
    }
  }

  /** Without views the journal's undamaged front is all there is, and nothing beyond it may be shown. */
  #expectFirst({ texts }: Shown, good: number): void {
    const expected = resultsOf(this.lines.slice(0, good));
    const found = new Map(
      [...texts].map(([id, text]) => {
        const { steps } = JSON.parse(text) as { steps: { id: string; status: string; outputs: unknown }[] };
        const done = steps.filter(({ status }) => status === 'COMPLETED');
        return [id, new Map(done.map((step) => [step.id, JSON.stringify(step.outputs)]))];
      }),
    );
    if (JSON.stringify(toEntries(found)) !== JSON.stringify(toEntries(expected))) expect(found).toEqual(expected);
  }
}

function toEntries(map: ReadonlyMap<string, ReadonlyMap<string, string>>): unknown {
  return [...map].map(([id, steps]) => [id, [...steps].sort()]).sort();
}

async function named(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

describe.each([
  ['with current views', true],
  ['without views', false],
])('a journal %s', (_, hasViews) => {
  test('B1: any single bit flipped is reported, and costs no more than what stood behind it', async () => {
    const bench = await Bench.create(hasViews);
    const { whole, lines } = bench;
    figures.journalBytes = whole.length;
    expect(whole.length).toBeGreaterThanOrEqual(2_048);
    for (let bit = 0; bit < whole.length * 8; bit += hasViews ? bitsWithViewsEvery : 1) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const good = lines.findIndex(({ end }) => bit >> 3 < end);
      await named(`bit ${bit}`, () => bench.judge(flipped, good));
    }
  });

  test('B1: a line that is taken out, doubled or exchanged with the next one is reported', async () => {
    const bench = await Bench.create(hasViews);
    const { whole, lines } = bench;
    const bytesOf = (from: number, end: number) =>
      lines.slice(from, end).map((line) => whole.subarray(line.from, line.end));
    for (let n = 0; n < lines.length; n += 1) {
      const [before, line, behind] = [bytesOf(0, n), bytesOf(n, n + 1), bytesOf(n + 1, lines.length)];
      await named(`line ${n} taken out`, () =>
        bench.judge(Buffer.concat([...before, ...behind]), n, behind.length > 1),
      );
      await named(`line ${n} doubled`, () =>
        bench.judge(Buffer.concat([...before, ...line, ...line, ...behind]), n + 1),
      );
      const exchanged = Buffer.concat([...before, ...behind.slice(0, 1), ...line, ...behind.slice(1)]);
      if (behind.length > 0) await named(`line ${n} exchanged`, () => bench.judge(exchanged, n, behind.length > 1));
    }
  });

  test('C5: cut at any byte of its last two batches it is what stands before the cut', async () => {
    const bench = await Bench.create(hasViews);
    const { whole, lines } = bench;
    const batches = [...new Set(lines.map(({ batch }) => batch))];
    const from = lines.find(({ batch }) => batch === batches.at(-2))?.from ?? 0;
    for (let length = from; length < whole.length; length += 1) {
      const good = lines.filter(({ end }) => end <= length).length;
      await named(`cut to ${length} bytes`, () => bench.judge(whole.subarray(0, length), good));
    }
  });

  test('C5: up to 4,096 bytes of zeros or noise behind it cost nothing', async () => {
    const bench = await Bench.create(hasViews);
    for (let seed = 1; seed <= 150; seed += 1) {
      const random = createSeeded(seed);
      const noise = Buffer.alloc(1 + Math.floor(random() * 4_096));
      if (seed % 3 > 0) for (let at = 0; at < noise.length; at += 1) noise[at] = Math.floor(random() * 256);
      // Noise that begins like a record is the harder to tell.
      if (seed % 3 === 2) Buffer.from('HJ1 0000000').copy(noise);
      const appended = Buffer.concat([bench.whole, noise]);
      await named(`seed ${seed}, ${noise.length} bytes`, () => bench.judge(appended, bench.lines.length));
    }
  });
});

test('what is acknowledged behind a journal that ends before a view does is kept when the view comes back', async () => {
  const { disk, id, segment } = await createFed();
  const lines = readLines(disk.read(segment));
  disk.put(segment, disk.read(segment).subarray(0, lines.at(-1)?.from));
  const view = `${workflowsDir}/${id}/state.json`;
  const old = disk.read(view);

  const second = await openMemoryEngine(disk, { clock: new StillClock(1_000) });
  expect((await second.engine.health()).notices.join()).toContain(
    'the journal ends at event 2, but other files name event 3',
  );
  await second.engine.externalData(id, { step_id: 'in2', content: 'acknowledged' });
  await settle();
  // A power cut may take a view that was not synced, and leave the one before it.
  const cut = disk.clone();
  cut.put(view, old);

  const third = await openMemoryEngine(cut, { clock: new StillClock(2_000) });
  const { steps } = (await third.engine.get(id)).workflow;
  expect(steps.map((step) => step.outputs?.content)).toEqual(['fed to in', 'acknowledged', undefined]);
});

test('C1: a deletion that a checkpoint covers stays one, whatever has become of its record', async () => {
  const { disk, deletedId } = await createBase('crash');
  const segments = disk.files().filter((file) => file.endsWith('.hj'));
  for (const segment of segments) {
    const bytes = disk.read(segment);
    const line = readLines(bytes).find(({ event }) => event?.kind === 'workflow.deleted');
    if (line === undefined) continue;
    const damaged = Buffer.from(bytes).fill(0, line.end - 10, line.end);
    const image = disk.clone();
    image.put(segment, damaged);
    const { engine } = await openMemoryEngine(image, { clock: new StillClock(10_000) });
    expect((await engine.health()).notices.join()).toContain('the checkpoint covers what is missing');
    await expect(engine.get(deletedId)).rejects.toThrow('not found');
    return;
  }
  throw new Error('no segment holds a deletion');
});
