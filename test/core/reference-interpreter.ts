/**
 * What the contract says of a running workflow, told a second time as naively as can be: no counters, no graph, no
 * events; after each call every rule is applied to every step until nothing changes. Shares no code with `src/core`.
 */

export type Status = 'PENDING' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'WAITING_FOR_DEPENDENCY' | 'STOPPED';
export type Cure = 'transient' | 'permanent' | 'final';

export interface ReferenceStep {
  id: string;
  name: string;
  external: boolean;
  dependencies: string[];
  /** As the definition gives it. */
  attemptsMax: number | undefined;
  status: Status;
  attempt: number;
  failures: number;
  /** The step whose failure stopped this one. */
  culprit: string | null;
  /** Data for it has come. */
  hasData: boolean;
}

/** Whether a definition may be taken: no id twice, no unknown dependency, and some order in which all can run. */
export function isSound(steps: readonly { id: string; dependencies: readonly string[] }[]): boolean {
  const done = new Set<string>();
  for (let before = -1; before !== done.size; ) {
    before = done.size;
    for (const step of steps) if (step.dependencies.every((id) => done.has(id))) done.add(step.id);
  }
  return done.size === steps.length;
}

export class ReferenceWorkflow {
  readonly steps: ReferenceStep[];
  readonly failFast: boolean;
  status: Status = 'PENDING';
  #moved = false;

  constructor(
    steps: Pick<ReferenceStep, 'id' | 'name' | 'external' | 'dependencies' | 'attemptsMax'>[],
    failFast: boolean,
  ) {
    const fresh = { status: 'WAITING_FOR_DEPENDENCY', attempt: 0, failures: 0, culprit: null, hasData: false } as const;
    this.steps = steps.map((step) => ({ ...step, ...fresh }));
    this.failFast = failFast;
    this.#queue();
  }

  get finished(): boolean {
    return this.status === 'COMPLETED' || this.status === 'FAILED' || this.status === 'STOPPED';
  }

  /** Shown as created until now; from here on its status follows its steps. */
  begin(): void {
    this.#settle();
  }

  start(id: string): void {
    const step = this.#step(id);
    step.status = 'RUNNING';
    step.attempt += 1;
    step.culprit = null;
    this.#moved = true;
    this.#settle();
  }

  /** false: the outcome is late or a duplicate, and is dropped. */
  complete(id: string, attempt: number): boolean {
    const step = this.#step(id);
    if (step.status !== 'RUNNING' || step.attempt !== attempt) return false;
    step.status = 'COMPLETED';
    step.failures = 0;
    this.#settle();
    return true;
  }

  fail(id: string, attempt: number, cure: Cure): boolean {
    const step = this.#step(id);
    if (step.status !== 'RUNNING' || step.attempt !== attempt) return false;
    step.failures += 1;
    const most = cure === 'final' ? 1 : (step.attemptsMax ?? (cure === 'transient' ? 3 : 1));
    if (step.failures < most) {
      step.status = 'PENDING';
    } else {
      step.status = 'FAILED';
      const doomed = this.#doomed();
      for (const other of this.steps) {
        if (this.#unfinished(other) && (this.failFast || doomed.has(other.id))) {
          other.status = 'STOPPED';
          other.culprit = id;
        }
      }
    }
    this.#settle();
    return true;
  }

  /** false: refused. */
  stop(): boolean {
    if (this.finished) return false;
    for (const step of this.steps) if (this.#unfinished(step)) step.status = 'STOPPED';
    this.status = 'STOPPED';
    return true;
  }

  resume(): boolean {
    if (this.status !== 'STOPPED') return false;
    const doomed = this.#doomed();
    this.#revive((step) => step.status === 'STOPPED' && !doomed.has(step.id));
    return true;
  }

  retry(): boolean {
    const failed = this.steps.some((step) => step.status === 'FAILED');
    if (!failed || this.status === 'STOPPED' || this.status === 'COMPLETED' || this.status === 'PENDING') return false;
    this.#revive((step) => step.status === 'FAILED' || step.status === 'STOPPED');
    return true;
  }

  /** The process died and came back. */
  recover(): void {
    if (this.finished) return;
    for (const step of this.steps) if (step.status === 'RUNNING') step.status = 'PENDING';
    this.#settle();
  }

  /** Waits, and has its data already. */
  isHeld(id: string): boolean {
    const step = this.#step(id);
    return step.hasData && step.status !== 'COMPLETED';
  }

  /** The step that took the data; null or undefined: refused, because of a conflict or of several that could be meant. */
  give(stepId: string | null, stepName: string | null, free: string, add = false): string | null | undefined {
    const waiting = this.steps.filter(
      (step) => step.external && step.status === 'WAITING_FOR_DEPENDENCY' && !step.hasData,
    );
    const named = this.steps.find((step) => step.id === stepId);
    if (named && (add || !waiting.includes(named))) return null;
    const meant = named
      ? [named]
      : add
        ? []
        : stepName !== null
          ? waiting.filter((step) => step.name === stepName)
          : stepId === null
            ? waiting
            : [];
    if (meant.length > 1) return undefined;
    const [taker] = meant;
    const id = taker?.id ?? stepId ?? free;
    if (taker) taker.hasData = true;
    else if (this.steps.some((step) => step.id === id)) return null;
    else {
      const blank = {
        external: true,
        dependencies: [],
        attemptsMax: undefined,
        attempt: 0,
        failures: 0,
        culprit: null,
        hasData: true,
      };
      this.steps.push({ id, name: stepName ?? 'External Data from Browser', status: 'COMPLETED', ...blank });
    }
    this.#moved = true;
    if (!this.finished) this.#settle();
    return id;
  }

  #step(id: string): ReferenceStep {
    const found = this.steps.find((step) => step.id === id);
    if (!found) throw new Error(`the reference has no step ${id}`);
    return found;
  }

  #unfinished(step: ReferenceStep): boolean {
    return step.status === 'PENDING' || step.status === 'RUNNING' || step.status === 'WAITING_FOR_DEPENDENCY';
  }

  /** FAILED steps and those that can no longer run because of one. */
  #doomed(): Set<string> {
    const doomed = new Set(this.steps.filter((step) => step.status === 'FAILED').map((step) => step.id));
    for (let before = -1; before !== doomed.size; ) {
      before = doomed.size;
      for (const step of this.steps) {
        if (step.status !== 'COMPLETED' && step.dependencies.some((id) => doomed.has(id))) doomed.add(step.id);
      }
    }
    return doomed;
  }

  #revive(which: (step: ReferenceStep) => boolean): void {
    for (const step of this.steps.filter(which)) {
      Object.assign(step, { status: 'WAITING_FOR_DEPENDENCY', failures: 0, culprit: null });
    }
    this.#settle();
  }

  /** Whatever waits for nothing any more is queued, or has its data and is complete. */
  #queue(): void {
    for (;;) {
      const done = new Set(this.steps.filter((step) => step.status === 'COMPLETED').map((step) => step.id));
      const next = this.steps.find(
        (step) =>
          step.hasData && step.status === 'WAITING_FOR_DEPENDENCY' && step.dependencies.every((id) => done.has(id)),
      );
      if (!next) break;
      next.status = 'COMPLETED';
    }
    const done = new Set(this.steps.filter((step) => step.status === 'COMPLETED').map((step) => step.id));
    for (const step of this.steps) {
      const ready = step.status === 'WAITING_FOR_DEPENDENCY' && !step.external;
      if (ready && step.dependencies.every((id) => done.has(id))) step.status = 'PENDING';
    }
  }

  #settle(): void {
    this.#queue();
    const any = (status: Status) => this.steps.some((step) => step.status === status);
    if (this.steps.every((step) => step.status === 'COMPLETED')) this.status = 'COMPLETED';
    else if (any('RUNNING')) this.status = 'RUNNING';
    else if (any('PENDING')) this.status = this.#moved ? 'RUNNING' : 'PENDING';
    else if (any('WAITING_FOR_DEPENDENCY')) this.status = 'WAITING_FOR_DEPENDENCY';
    else this.status = any('FAILED') ? 'FAILED' : 'STOPPED';
  }
}
