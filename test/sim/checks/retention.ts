/**
 * RT1: what the engine removes by itself was finished and is past what KEEP_FINISHED keeps; nobody else goes. M3: what a
 * workflow has cost stays, whatever becomes of it. That all that is past goes (RT2) is asked in simulate.ts.
 */
import type { EngineEvent } from '../../../src/contract/event.ts';
import type { KeepFinished } from '../../../src/contract/keep-finished.ts';
import type { CostsReply } from '../../../src/contract/ledger.ts';
import { isTerminal, type JobStatus, type Workflow, type WorkflowSummary } from '../../../src/contract/workflow.ts';
import type { Effect } from '../../../src/coordinator/effects.ts';
import type { Agenda } from '../agenda.ts';
import { type Check, type SentCall, Violation } from '../check.ts';
import type { Families } from '../families.ts';

interface Known {
  version: number;
  status: JobStatus;
  /** Of its last change, in ms; from events no later than it was, from documents exact. */
  updatedAt: number;
  isExact: boolean;
  /** When it was seen to be finished no more, by the agenda. */
  finishedUntil: number;
}

/** A removal may rest on a look at the workflows that is so old, in virtual time. */
const lookMsMax = 60_000;

export class RetentionCheck implements Check {
  readonly #keep: KeepFinished | null;
  readonly #families: Families;
  readonly #agenda: Pick<Agenda, 'now' | 'wall' | 'setBack'>;
  readonly #known = new Map<string, Known>();
  readonly #deleteSent = new Set<string>();
  /** When clients have deleted workflows, by the agenda. */
  readonly #deletedAt: number[] = [];
  readonly #costs = new Map<string, CostsReply['rows'][number]>();

  constructor(keep: KeepFinished | null, agenda: Pick<Agenda, 'now' | 'wall' | 'setBack'>, families: Families) {
    this.#keep = keep;
    this.#families = families;
    this.#agenda = agenda;
  }

  sent(call: SentCall): void {
    if (call.kind === 'delete' && call.id !== null) this.#deleteSent.add(call.id);
  }

  document({ id, version, status, updatedAt }: Workflow): void {
    this.#note(id, { version, status, updatedAt: Date.parse(updatedAt), isExact: true });
  }

  summaries(items: readonly WorkflowSummary[]): void {
    for (const { id, version, status, updatedAt } of items)
      this.#note(id, { version, status, updatedAt: Date.parse(updatedAt), isExact: true });
  }

  event(event: EngineEvent): void {
    if (event.kind === 'workflow.deleted') this.#known.delete(event.workflow_id);
    else this.#noteEvent(event);
  }

  effects(effects: readonly Effect[]): void {
    const stopped = new Set<string>();
    for (const effect of effects) {
      if (effect.kind !== 'publish') continue;
      const { event } = effect;
      if (event.kind === 'workflow.stopped') stopped.add(event.workflow_id);
      if (event.kind === 'workflow.deleted') this.#removed(event, stopped);
      else this.#noteEvent(event);
    }
  }

  costs({ rows }: CostsReply): void {
    const shown = new Map(rows.map((row) => [row.key, row]));
    for (const [id, before] of this.#costs) {
      const now = shown.get(id);
      if (!now || now.calls < before.calls || now.tokens < before.tokens || now.cost < before.cost)
        throw new Violation('M3', `${id} has cost ${JSON.stringify(before)}, and now ${JSON.stringify(now ?? null)}`);
    }
    for (const [id, row] of shown) this.#costs.set(id, row);
  }

  #noteEvent({ workflow_id: id, version, status, at }: EngineEvent): void {
    this.#note(id, { version, status, updatedAt: Date.parse(at), isExact: false });
  }

  #note(id: string, seen: Omit<Known, 'finishedUntil'>): void {
    const before = this.#known.get(id);
    if (before && (seen.version < before.version || (seen.version === before.version && !seen.isExact))) return;
    const leaves = before && isTerminal(before.status) && !isTerminal(seen.status);
    const finishedUntil = leaves ? this.#agenda.now : (before?.finishedUntil ?? Number.NEGATIVE_INFINITY);
    // The time of a workflow's last change never shrinks.
    const updatedAt = seen.isExact ? seen.updatedAt : Math.max(seen.updatedAt, before?.updatedAt ?? 0);
    this.#known.set(id, { ...seen, updatedAt, finishedUntil });
  }

  #removed({ workflow_id: id, version }: EngineEvent, stopped: ReadonlySet<string>): void {
    const known = this.#known.get(id);
    this.#known.delete(id);
    // A child goes with its parent.
    if (this.#families.isChild(id)) return;
    if (this.#deleteSent.has(id)) {
      this.#deletedAt.push(this.#agenda.now);
      return;
    }
    if (this.#keep === null) throw new Violation('RT1', `${id} is removed, and nobody has asked for it`);
    if (stopped.has(id)) throw new Violation('RT1', `${id} is stopped so that it can be removed`);
    // It has changed since it was seen last.
    if (!known || version !== known.version + 1) return;
    if (!isTerminal(known.status)) throw new Violation('RT1', `${id} is removed, and was ${known.status}`);
    if ('ageMs' in this.#keep) this.#checkAge(id, known, this.#keep.ageMs);
    else this.#checkCount(id, known, this.#keep.count);
  }

  #checkAge(id: string, { updatedAt }: Known, ageMs: number): void {
    const { now, wall, setBack } = this.#agenda;
    const latest = now - setBack.at < lookMsMax ? wall + setBack.ms : wall;
    if (updatedAt >= latest - ageMs)
      throw new Violation('RT1', `${id} is removed ${latest - updatedAt} ms after its last change, ${ageMs} are kept`);
  }

  /** Of those that were finished when the engine looked, `count` are no older than it. */
  #checkCount(id: string, { updatedAt }: Known, count: number): void {
    const isRecent = (at: number) => this.#agenda.now - at < lookMsMax;
    const others = [...this.#known.values()].filter(
      (other) => isTerminal(other.status) || isRecent(other.finishedUntil),
    );
    const younger = others.filter((other) => !(other.isExact && other.updatedAt < updatedAt)).length;
    const deleted = this.#deletedAt.filter(isRecent).length;
    if (younger + deleted < count)
      throw new Violation('RT1', `${id} is removed with ${younger} finished that are no older, ${count} are kept`);
  }
}
