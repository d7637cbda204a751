/**
 * Which ready step runs next. The only place that enforces `MAX_PARALLEL_NODES`.
 *
 * Rules, numbered for tests:
 *   D1  at most `slotsMax` attempts hold a slot at once, at most `cpuMax` of them in the CPU lane;
 *   D2  longest remaining path first, by measured mean times; in order of readiness where nothing is known;
 *   D3  a step gains one millisecond of rank for each it has waited, so no step starves;
 *   D5  a suspect (`isSuspect`) runs with nothing beside it, and only once `letSuspectsRun` has been called;
 *   D4  a slot is free again only when its attempt is known to have ended.
 *
 * D3 makes the order static: rank − readyAt. So a heap holds it, and time need not be asked.
 */
import TinyQueue from 'tinyqueue';
import type { Lane } from '../contract/task.ts';

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
}

interface Entry extends ReadyStep {
  readonly order: number;
}

function compare(a: Entry, b: Entry): number {
  return b.rankMs - b.readyAt - (a.rankMs - a.readyAt) || a.order - b.order;
}

export class Schedule {
  readonly slotsMax: number;
  readonly cpuMax: number;
  #heaps = { io: new TinyQueue<Entry>([], compare), cpu: new TinyQueue<Entry>([], compare) };
  /** The entry that counts for a step; others of it in the heaps are left-overs, dropped when they come up. */
  #current = new Map<string, Entry>();
  #running = { io: 0, cpu: 0 };
  #suspects: Entry[] = [];
  #maySuspectsRun = false;
  #isOneAlone = false;
  #order = 0;

  constructor(slotsMax: number, cpuMax: number) {
    this.slotsMax = slotsMax;
    this.cpuMax = Math.min(cpuMax, slotsMax);
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
    else this.#heaps[step.lane].push(entry);
  }

  remove(workflowId: string, stepId: string): void {
    this.#current.delete(toKey(workflowId, stepId));
  }

  /** Takes the next steps for which there is a slot, at most `most`; their slots are held until `release`. */
  take(most = Number.POSITIVE_INFINITY): ReadyStep[] {
    if (this.#isOneAlone) return [];
    const suspect = this.#maySuspectsRun ? this.#peekSuspect() : undefined;
    if (suspect) return this.running === 0 ? [this.#hold(this.#suspects.shift()!)] : [];
    const taken: ReadyStep[] = [];
    while (taken.length < most && this.running < this.slotsMax) {
      const io = this.#peek('io');
      const cpu = this.#running.cpu < this.cpuMax ? this.#peek('cpu') : undefined;
      const entry = io && cpu ? (compare(io, cpu) <= 0 ? io : cpu) : (io ?? cpu);
      if (!entry) break;
      this.#heaps[entry.lane].pop();
      taken.push(this.#hold(entry));
    }
    return taken;
  }

  #hold(entry: Entry): ReadyStep {
    this.#current.delete(toKey(entry.workflowId, entry.stepId));
    this.#running[entry.lane] += 1;
    this.#isOneAlone = entry.isSuspect === true;
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

  #peekSuspect(): Entry | undefined {
    while (this.#suspects.length > 0 && !this.#isCurrent(this.#suspects[0]!)) this.#suspects.shift();
    return this.#suspects[0];
  }

  #isCurrent(entry: Entry): boolean {
    return this.#current.get(toKey(entry.workflowId, entry.stepId)) === entry;
  }

  #peek(lane: Exclude<Lane, 'none'>): Entry | undefined {
    const heap = this.#heaps[lane];
    for (let entry = heap.peek(); entry; entry = heap.peek()) {
      if (this.#isCurrent(entry)) return entry;
      heap.pop();
    }
    return undefined;
  }
}

function toKey(workflowId: string, stepId: string): string {
  return `${workflowId}/${stepId}`;
}
