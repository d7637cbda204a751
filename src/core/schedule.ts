/**
 * Which ready step runs next. The only place that enforces `MAX_PARALLEL_NODES`.
 *
 * Rules, numbered for tests:
 *   D1  at most `slotsMax` attempts hold a slot at once, at most `cpuMax` of them in the CPU lane;
 *   D2  longest remaining path first, by measured mean times; in order of readiness where nothing is known;
 *   D3  a step gains one millisecond of rank for each it has waited, so no step starves;
 *   D5  a suspect (`isSuspect`) runs with nothing beside it, and only once `letSuspectsRun` has been called;
 *   D4  a slot is free again only when its attempt is known to have ended;
 *   D6  a step with a gate starts only when `admission` holds it no longer. Meanwhile it takes no slot, and holds up the
 *       steps of its own gate and no other.
 *
 * D3 makes the order static: rank − readyAt. So a heap holds it, and time need not be asked. Each gate has a heap of its own,
 * and of each only the first step is asked after: what is held costs a `take` no more than one question a gate.
 */
import TinyQueue from 'tinyqueue';
import type { Lane, PlannedCall } from '../contract/task.ts';

export interface ReadyStep {
  readonly workflowId: string;
  readonly stepId: string;
  readonly lane: Exclude<Lane, 'none'>;
  /** Expected time of the longest path that hangs on it, itself included, in milliseconds; 0 when unknown. */
  readonly rankMs: number;
  /** Monotonic milliseconds. */
  readonly readyAt: number;
  /** The engine has died again and again while it ran. */
  readonly isSuspect?: boolean;
  /** Whom it waits in line with: of the steps of one gate the next in order goes first, however long it is held. */
  readonly gate?: string | undefined;
  /** The call of a model that it will make. */
  readonly call?: PlannedCall | undefined;
}

/** Why a step may not start yet. */
export interface Hold {
  /** What it waits for, as in `requests a minute of openai/gpt-4o`. */
  readonly waitsFor: string;
  /** Monotonic milliseconds at which it is worth asking again; null where only the end of an attempt, or a call, can tell. */
  readonly until: number | null;
}

/** What a step has to pass besides D1. Asked of steps that have a gate. */
export interface Admission {
  /** null: it may start now. */
  hold(step: ReadyStep): Hold | null;
  /** It starts; told right after `hold` has let it. */
  begin(step: ReadyStep): void;
}

/** Steps that were held when slots were given out last. */
export interface HeldGate extends Hold {
  readonly gate: string;
  readonly steps: readonly ReadyStep[];
}

interface Entry extends ReadyStep {
  readonly order: number;
}

/** Steps of one lane and one gate. */
interface Line {
  readonly key: string;
  readonly lane: Exclude<Lane, 'none'>;
  readonly heap: TinyQueue<Entry>;
}

function compare(a: Entry, b: Entry): number {
  return b.rankMs - b.readyAt - (a.rankMs - a.readyAt) || a.order - b.order;
}

const open: Admission = { hold: () => null, begin: () => undefined };

export class Schedule {
  readonly slotsMax: number;
  readonly cpuMax: number;
  readonly #admission: Admission;
  readonly #lines = new Map<string, Line>();
  /** The entry that counts for a step; others of it in the heaps are left-overs, dropped when they come up. */
  #current = new Map<string, Entry>();
  #running = { io: 0, cpu: 0 };
  #suspects: Entry[] = [];
  /** By gate, as the last `take` has found them. */
  readonly #holds = new Map<string, Hold>();
  #maySuspectsRun = false;
  #isOneAlone = false;
  #order = 0;

  constructor(slotsMax: number, cpuMax: number, admission: Admission = open) {
    this.slotsMax = slotsMax;
    this.cpuMax = Math.min(cpuMax, slotsMax);
    this.#admission = admission;
  }

  get ready(): number {
    return this.#current.size;
  }

  get running(): number {
    return this.#running.io + this.#running.cpu;
  }

  oldestReadyAt(): number | null {
    let oldest: number | null = null;
    for (const entry of this.#current.values()) if (oldest === null || entry.readyAt < oldest) oldest = entry.readyAt;
    return oldest;
  }

  add(step: ReadyStep): void {
    const key = toKey(step.workflowId, step.stepId);
    if (this.#current.has(key)) return;
    const entry = { ...step, order: this.#order };
    this.#order += 1;
    this.#current.set(key, entry);
    if (entry.isSuspect) this.#suspects.push(entry);
    else this.#lineOf(entry).heap.push(entry);
  }

  remove(workflowId: string, stepId: string): void {
    this.#current.delete(toKey(workflowId, stepId));
  }

  /** Takes the next steps for which there is a slot, at most `most`; their slots are held until `release`. */
  take(most = Number.POSITIVE_INFINITY): ReadyStep[] {
    this.#holds.clear();
    if (this.#isOneAlone || most <= 0 || this.running >= this.slotsMax) return [];
    const suspect = this.#maySuspectsRun ? this.#peekSuspect() : undefined;
    // A suspect that is held keeps nobody waiting for it.
    if (suspect && !this.#isHeld(suspect)) return this.running === 0 ? [this.#start(this.#suspects.shift()!)] : [];
    const taken: ReadyStep[] = [];
    const heads = this.#heads();
    for (let head = heads.pop(); head; head = heads.pop()) {
      const { line, entry } = head;
      const isThreadless = line.lane === 'cpu' && this.#running.cpu >= this.cpuMax;
      if (isThreadless || this.#isHeld(entry)) continue;
      line.heap.pop();
      taken.push(this.#start(entry));
      if (taken.length >= most || this.running >= this.slotsMax) break;
      const next = this.#peek(line);
      if (next) heads.push({ line, entry: next });
    }
    return taken;
  }

  /** When it is worth taking again though no attempt has ended and no step has come; null: not before one does. */
  get heldUntil(): number | null {
    const times = [...this.#holds.values()].flatMap(({ until }) => (until === null ? [] : [until]));
    return times.length === 0 ? null : Math.min(...times);
  }

  /** What is held, in the order in which it became ready. */
  held(): HeldGate[] {
    const steps = new Map<string, ReadyStep[]>();
    for (const gate of this.#holds.keys()) steps.set(gate, []);
    for (const entry of this.#current.values()) if (entry.gate !== undefined) steps.get(entry.gate)?.push(entry);
    return [...this.#holds].map(([gate, hold]) => ({ ...hold, gate, steps: steps.get(gate)! }));
  }

  #start(entry: Entry): ReadyStep {
    this.#current.delete(toKey(entry.workflowId, entry.stepId));
    this.#running[entry.lane] += 1;
    this.#isOneAlone = entry.isSuspect === true;
    if (entry.gate !== undefined) this.#admission.begin(entry);
    return entry;
  }

  release(lane: Exclude<Lane, 'none'>): void {
    this.#running[lane] -= 1;
    this.#isOneAlone = false;
  }

  /** From here on suspects get their turn, before anything else is started. */
  letSuspectsRun(): void {
    this.#maySuspectsRun = true;
  }

  #isHeld(entry: Entry): boolean {
    if (entry.gate === undefined) return false;
    const hold = this.#admission.hold(entry);
    if (hold !== null) this.#holds.set(entry.gate, hold);
    return hold !== null;
  }

  #peekSuspect(): Entry | undefined {
    while (this.#suspects.length > 0 && !this.#isCurrent(this.#suspects[0]!)) this.#suspects.shift();
    return this.#suspects[0];
  }

  #isCurrent(entry: Entry): boolean {
    return this.#current.get(toKey(entry.workflowId, entry.stepId)) === entry;
  }

  #lineOf({ lane, gate = '' }: ReadyStep): Line {
    const key = `${lane} ${gate}`;
    const line = this.#lines.get(key) ?? { key, lane, heap: new TinyQueue<Entry>([], compare) };
    this.#lines.set(key, line);
    return line;
  }

  /** The first of each line, first of all first. */
  #heads(): TinyQueue<{ line: Line; entry: Entry }> {
    const heads = [...this.#lines.values()].flatMap((line) => {
      const entry = this.#peek(line);
      return entry ? [{ line, entry }] : [];
    });
    return new TinyQueue(heads, (a, b) => compare(a.entry, b.entry));
  }

  #peek(line: Line): Entry | undefined {
    for (let entry = line.heap.peek(); entry; entry = line.heap.peek()) {
      if (this.#isCurrent(entry)) return entry;
      line.heap.pop();
    }
    this.#lines.delete(line.key);
    return undefined;
  }
}

function toKey(workflowId: string, stepId: string): string {
  return `${workflowId}/${stepId}`;
}
