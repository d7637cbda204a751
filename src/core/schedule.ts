/**
 * Which ready step starts next. The only place that enforces `MAX_PARALLEL_NODES`.
 *
 * Rules, numbered for tests:
 *   D1  none starts unless fewer than `slotsMax` attempts hold a slot, in the CPU lane fewer than `cpuMax`: so no more
 *       hold one, unless these bounds have become less meanwhile;
 *   D2  the longest remaining path goes first, by measured mean times; without such times, the step that was ready
 *       first;
 *   D3  a step gains one millisecond of rank for each millisecond that it waits, so no step starves;
 *   D4  a slot is free again only when its attempt is known to have ended;
 *   D5  a suspect (`isSuspect`) runs alone, and only after `letSuspectsRun` has been called;
 *   D6  a step with a gate starts only when `admission` does not hold it. While held it takes no slot, and delays the
 *       steps of its own gate only.
 *
 * Because of D3 the order is static: rank − readyAt. So heaps keep it, and the time is not needed. Each gate has a
 * heap of its own, and `take` asks `admission` about the first step of each gate only. Steps that can be held apart
 * from the others of their gate are in lines of their own: the gate's heap holds the first step of each line, and a
 * held line is skipped.
 */
import TinyQueue from 'tinyqueue';
import { broken } from '../contract/broken.ts';
import type { StepId, WorkflowId } from '../contract/ids.ts';
import type { Lane, PlannedCall } from '../contract/task.ts';

export interface ReadyStep {
  readonly workflowId: WorkflowId;
  readonly stepId: StepId;
  readonly lane: Exclude<Lane, 'none'>;
  /** Expected time of the longest path that begins with this step, in milliseconds; 0 when unknown. */
  readonly rankMs: number;
  /** Monotonic milliseconds. */
  readonly readyAt: number;
  /** The engine has died several times while the step ran. */
  readonly isSuspect?: boolean;
  /** Queue key: steps of one gate start strictly in order. */
  readonly gate?: string | undefined;
  /**
   * Second queue key within the gate, for steps that may be held apart from the others, as by their workflow's
   * budget.
   */
  readonly own?: string | undefined;
  /** The model call that it will make. */
  readonly call?: PlannedCall | undefined;
}

/** Why a step may not start yet. */
export interface Hold {
  /** What the step waits for: `requests a minute of openai/gpt-4o`. */
  readonly waitsFor: string;
  /** When to ask again, in monotonic milliseconds; null: after the end of an attempt or a call. */
  readonly until: number | null;
  /** Only the step's own line is held; other lines of the gate may go. */
  readonly isOwn?: true | undefined;
}

/** What a step with a gate has to pass besides D1. */
export interface Admission {
  /** null: it may start now. */
  hold(step: ReadyStep): Hold | null;
  /** The step starts; called right after `hold` has returned null. */
  begin(step: ReadyStep): void;
}

/** The steps of a gate, or of one line, that `admission` has held at the last `take`. */
export interface HeldGate extends Hold {
  readonly gate: string;
  readonly own: string | undefined;
  readonly steps: readonly ReadyStep[];
}

interface Entry extends ReadyStep {
  readonly order: number;
}

type Heap = TinyQueue<Entry>;

/** The steps of one lane, one gate and one `own`. */
interface Line {
  readonly key: string;
  readonly heap: Heap;
  /** Its first step, if that is among the heads of the group. */
  shown: Entry | null;
}

/** The steps of one lane and one gate. */
interface Group {
  readonly key: string;
  readonly gate: string;
  readonly lane: Exclude<Lane, 'none'>;
  readonly lines: Map<string, Line>;
  /** The first step of each line, and entries that no longer are. */
  readonly heads: Heap;
}

/** The first of a group, with the line it is from. */
interface Head {
  readonly group: Group;
  readonly line: Line;
  readonly entry: Entry;
}

function compare(a: Entry, b: Entry): number {
  return b.rankMs - b.readyAt - (a.rankMs - a.readyAt) || a.order - b.order;
}

const open: Admission = { hold: () => null, begin: () => undefined };

export class Schedule {
  #slotsMax = 0;
  #cpuMax = 0;
  readonly #admission: Admission;
  readonly #groups = new Map<string, Group>();
  /**
   * The entry that counts for each step; the heaps may hold outdated ones, which are dropped when they come first.
   */
  #current = new Map<string, Entry>();
  #running = { io: 0, cpu: 0 };
  #suspects: Entry[] = [];
  /** The last hold of each gate or line. */
  readonly #holds = new Map<string, Hold & { gate: string; own: string | undefined }>();
  #heldUntil: number | null = null;
  #maySuspectsRun = false;
  #isOneAlone = false;
  #order = 0;

  constructor(slotsMax: number, cpuMax: number, admission: Admission = open) {
    this.#admission = admission;
    this.resize(slotsMax, cpuMax);
  }

  /** From now on. Attempts that hold a slot keep it. Returns whether more may start than before. */
  resize(slotsMax: number, cpuMax: number): boolean {
    const hadLess = this.#slotsMax < slotsMax || this.#cpuMax < Math.min(cpuMax, slotsMax);
    this.#slotsMax = slotsMax;
    this.#cpuMax = Math.min(cpuMax, slotsMax);
    return hadLess;
  }

  get slotsMax(): number {
    return this.#slotsMax;
  }

  get cpuMax(): number {
    return this.#cpuMax;
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
    else this.#lineUp(entry);
  }

  remove(workflowId: WorkflowId, stepId: StepId): void {
    this.#current.delete(toKey(workflowId, stepId));
  }

  /** Moves the steps of a workflow that have a gate into a line of their own. */
  separate(workflowId: string): void {
    for (const [key, entry] of this.#current) {
      if (entry.workflowId !== workflowId || entry.gate === undefined || entry.own !== undefined) continue;
      const apart = { ...entry, own: workflowId };
      this.#current.set(key, apart);
      const place = this.#suspects.indexOf(entry);
      if (place === -1) this.#lineUp(apart);
      else this.#suspects[place] = apart;
    }
  }

  /** Takes the next steps for which there is a slot, at most `most`; their slots are held until `release`. */
  take(most = Number.POSITIVE_INFINITY): ReadyStep[] {
    this.#heldUntil = null;
    if (this.#isOneAlone || most <= 0 || this.running >= this.slotsMax) return [];
    const suspect = this.#maySuspectsRun ? this.#peekSuspect() : undefined;
    // A suspect that is held does not delay other steps.
    if (suspect && !this.#holdOf(suspect)) return this.running === 0 ? [this.#startSuspect(suspect)] : [];
    const taken: ReadyStep[] = [];
    const passedOver: { group: Group; line: Line }[] = [];
    const firsts = this.#firsts();
    for (let first = firsts.pop(); first; first = firsts.pop()) {
      const { group, line, entry } = first;
      const isThreadless = group.lane === 'cpu' && this.#running.cpu >= this.cpuMax;
      if (isThreadless) continue;
      const hold = this.#holdOf(entry);
      if (hold && !hold.isOwn) continue;
      group.heads.pop();
      line.shown = null;
      if (hold) {
        passedOver.push({ group, line });
      } else {
        line.heap.pop();
        taken.push(this.#start(entry));
        this.#show(group, line);
        if (taken.length >= most || this.running >= this.slotsMax) break;
      }
      const next = this.#peek(group);
      if (next) firsts.push(next);
    }
    for (const { group, line } of passedOver) this.#show(group, line);
    return taken;
  }

  /** When to call `take` again if no attempt ends and no step is added before; null: not until then. */
  get heldUntil(): number | null {
    return this.#heldUntil;
  }

  /** The held steps, in the order in which they became ready. */
  held(): HeldGate[] {
    const gates = new Map([...this.#holds].map(([key, hold]) => [key, { ...hold, steps: [] as ReadyStep[] }]));
    for (const entry of this.#current.values()) {
      if (entry.gate === undefined) continue;
      (gates.get(toLineKey(entry)) ?? gates.get(entry.gate))?.steps.push(entry);
    }
    return [...gates.values()].filter(({ steps }) => steps.length > 0);
  }

  #start(entry: Entry): ReadyStep {
    this.#current.delete(toKey(entry.workflowId, entry.stepId));
    this.#running[entry.lane] += 1;
    if (this.running > this.slotsMax) broken('D1', `${this.running} attempts for ${this.slotsMax} slots`);
    this.#isOneAlone = entry.isSuspect === true;
    if (entry.gate !== undefined) this.#admission.begin(entry);
    return entry;
  }

  #startSuspect(suspect: Entry): ReadyStep {
    this.#suspects.shift();
    return this.#start(suspect);
  }

  release(lane: Exclude<Lane, 'none'>): void {
    this.#running[lane] -= 1;
    if (this.#running[lane] < 0) broken('D4', `a slot of the ${lane} lane is given back that nobody holds`);
    this.#isOneAlone = false;
  }

  /** From now on suspects start, before all other steps. */
  letSuspectsRun(): void {
    this.#maySuspectsRun = true;
  }

  /** Asks `admission`, and keeps its answer. */
  #holdOf(entry: Entry): Hold | null {
    const { gate, own } = entry;
    if (gate === undefined) return null;
    const hold = this.#admission.hold(entry);
    this.#holds.delete(toLineKey(entry));
    this.#holds.delete(gate);
    if (hold === null) return null;
    this.#holds.set(hold.isOwn ? toLineKey(entry) : gate, { ...hold, gate, own });
    if (hold.until !== null) this.#heldUntil = Math.min(hold.until, this.#heldUntil ?? hold.until);
    return hold;
  }

  #peekSuspect(): Entry | undefined {
    let [first] = this.#suspects;
    while (first && !this.#isCurrent(first)) {
      this.#suspects.shift();
      [first] = this.#suspects;
    }
    return first;
  }

  #isCurrent(entry: Entry): boolean {
    return this.#current.get(toKey(entry.workflowId, entry.stepId)) === entry;
  }

  #lineUp(entry: Entry): void {
    const key = `${entry.lane} ${entry.gate ?? ''}`;
    let group = this.#groups.get(key);
    if (!group) {
      group = {
        key,
        gate: entry.gate ?? '',
        lane: entry.lane,
        lines: new Map(),
        heads: new TinyQueue<Entry>([], compare),
      };
      this.#groups.set(key, group);
    }
    const lineKey = toLineKey(entry);
    let line = group.lines.get(lineKey);
    if (!line) {
      line = { key: lineKey, heap: new TinyQueue<Entry>([], compare), shown: null };
      group.lines.set(lineKey, line);
    }
    line.heap.push(entry);
    this.#show(group, line);
  }

  /** Puts the first step of a line among the heads of its group; removes an empty line. */
  #show(group: Group, line: Line): void {
    let first = line.heap.peek();
    while (first && !this.#isCurrent(first)) {
      line.heap.pop();
      first = line.heap.peek();
    }
    if (!first) {
      group.lines.delete(line.key);
      this.#holds.delete(line.key);
    } else if (line.shown !== first) {
      line.shown = first;
      group.heads.push(first);
    }
  }

  /** The first step of each group, as a heap. */
  #firsts(): TinyQueue<Head> {
    const firsts = [...this.#groups.values()].flatMap((group) => this.#peek(group) ?? []);
    return new TinyQueue(firsts, (a, b) => compare(a.entry, b.entry));
  }

  #peek(group: Group): Head | undefined {
    for (let entry = group.heads.peek(); entry; entry = group.heads.peek()) {
      const line = group.lines.get(toLineKey(entry));
      if (line?.shown === entry && this.#isCurrent(entry)) return { group, line, entry };
      group.heads.pop();
      if (line?.shown !== entry) continue;
      line.shown = null;
      this.#show(group, line);
    }
    if (group.lines.size === 0) {
      this.#groups.delete(group.key);
      // The steps of the other lane get their hold again when they are asked about next.
      this.#holds.delete(group.gate);
    }
    return undefined;
  }
}

function toLineKey({ gate = '', own }: ReadyStep): string {
  return own === undefined ? gate : `${gate} ${own}`;
}

function toKey(workflowId: WorkflowId, stepId: StepId): string {
  return `${workflowId}/${stepId}`;
}
