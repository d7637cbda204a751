/** G1: what was acknowledged stays, whole, and one key has one effect and one answer. */

import type { CoordinatorCalls, WorkflowText } from '../../../src/contract/coordinator.ts';
import type { ExternalDataReply } from '../../../src/contract/definition.ts';
import type { EngineEvent } from '../../../src/contract/event.ts';
import type { RefusalData } from '../../../src/contract/failures.ts';
import type { Workflow, WorkflowSummary } from '../../../src/contract/workflow.ts';
import type { Effect } from '../../../src/coordinator/effects.ts';
import { type Answer, type Check, type DocumentSource, type SentCall, Violation } from '../check.ts';
import type { Families } from '../families.ts';

/** Which calls an event can come from, so that there are no more events than calls. */
const causes: Partial<Record<EngineEvent['kind'], readonly SentCall['kind'][]>> = {
  'workflow.created': ['submit', 'branch'],
  'workflow.stopped': ['stop', 'delete'],
  'workflow.resumed': ['resume'],
  'workflow.retried': ['retry'],
  'workflow.branched': ['branch'],
  'workflow.deleted': ['delete'],
  'external_data.ingested': ['externalData'],
};

interface Acknowledged {
  /** Calls with a higher number were made after the answer. */
  since: number;
}

export class AcceptedCheck implements Check {
  #lastNumber = 0;
  readonly #created = new Map<string, Acknowledged>();
  readonly #branches = new Map<string, Acknowledged & { parentId: string }>();
  readonly #externals: (Acknowledged & { id: string; stepId: string; mark: string })[] = [];
  readonly #decisions: (Acknowledged & { id: string; stepId: string; mark: string })[] = [];
  readonly #deleted = new Map<string, Acknowledged>();
  /** Clients have asked for it, or the engine has removed it by itself; whether it may is for checks/retention.ts. */
  readonly #deleteSent = new Set<string>();
  readonly #families: Families;
  /** The engine removes finished workflows by itself. */
  readonly #removes: boolean;
  /** Some of its removals may not have been told. */
  #hasMissed = false;
  readonly #answers = new Map<string, { id: string; json: string }>();
  /** Keys under which an effect was acknowledged as new. */
  readonly #fresh = new Set<string>();
  readonly #effects = new Map<string, Set<number>>();
  readonly #events = new Map<string, number>();

  constructor(families: Families, { removes = false }: { removes?: boolean } = {}) {
    this.#families = families;
    this.#removes = removes;
  }

  sent(call: SentCall): void {
    this.#lastNumber = call.number;
    if (call.kind === 'delete' && call.id !== null) this.#deleteSent.add(call.id);
    // A key is free again when its workflow is gone.
    const effect = this.#deleteSent.size === 0 && !this.#removes ? call.effect : call.number;
    for (const scope of [call.id ?? '', '']) this.#effectsOf(`${call.kind} ${scope}`).add(effect);
  }

  /** Or that of a workflow above it. */
  #isDeleteSent(id: string): boolean {
    return this.#families.lineOf(id).some((each) => this.#deleteSent.has(each));
  }

  #effectsOf(name: string): Set<number> {
    const effects = this.#effects.get(name) ?? new Set();
    this.#effects.set(name, effects);
    return effects;
  }

  answered(call: SentCall, answer: Answer): void {
    const since = this.#lastNumber;
    if (call.kind === 'submit' || call.kind === 'branch') {
      const { id } = answer as WorkflowText;
      if (!this.#created.has(id)) this.#created.set(id, { since });
      if (call.kind === 'branch' && call.id !== null && !this.#branches.has(id))
        this.#branches.set(id, { since, parentId: call.id });
    }
    if (call.kind === 'delete' && call.id !== null) this.#deleted.set(call.id, { since });
    if (call.kind === 'externalData' && call.id !== null) {
      const { step_id: stepId } = JSON.parse((answer as { json: string }).json) as ExternalDataReply;
      this.#externals.push({ since, id: call.id, stepId, mark: call.mark });
    }
    if (call.kind === 'decide' && call.id !== null) {
      const { stepId } = call.args as CoordinatorCalls['decide']['args'];
      this.#decisions.push({ since, id: call.id, stepId, mark: call.mark });
    }
    // A branch answers under its key as long as it is there itself.
    const isReplay = call.kind === 'branch' && (answer as WorkflowText).replayed;
    if (call.id !== null && call.kind !== 'delete' && !isReplay)
      this.#notDeleted(call.id, call, `${call.kind} was answered`);
    if (call.key === null) return;
    const { id = call.id ?? '', json, replayed } = answer as WorkflowText;
    const before = this.#answers.get(call.key);
    if (!before) this.#answers.set(call.key, { id, json });
    else if (!(call.kind === 'submit' || call.kind === 'branch') || !isWaiting(call)) {
      if (before.id === id && before.json !== json)
        throw new Violation('G1', `key ${call.key} of ${call.kind} was answered anew:\n${before.json}\n${json}`);
    }
    if (!replayed && this.#fresh.has(call.key) && !this.#isDeleteSent(before?.id ?? ''))
      throw new Violation('G1', `key ${call.key} of ${call.kind} had its effect a second time`);
    if (!replayed) this.#fresh.add(call.key);
    if (before && before.id !== id && !this.#isDeleteSent(before.id))
      throw new Violation('G1', `key ${call.key} has made both ${before.id} and ${id}`);
  }

  refused(call: SentCall, refusal: RefusalData): void {
    const what = `${call.kind} of ${call.id ?? 'no workflow'} was refused: ${refusal.code} ${refusal.detail}`;
    if (refusal.code === 'BUSY') return;
    // What a call has made may be gone before its wait is over.
    const isDeleted =
      this.#hasMissed ||
      (call.id !== null && this.#isDeleteSent(call.id)) ||
      [...this.#deleteSent].some((id) => refusal.detail.includes(id));
    if (refusal.code === 'DISK_FULL') throw new Violation('G1', what);
    if (refusal.code === 'SET_ASIDE' && !isDeleted) throw new Violation('G1', what);
    if (refusal.code === 'NOT_FOUND' && !isDeleted) throw new Violation('G1', what);
    const before = call.key === null ? undefined : this.#answers.get(call.key);
    if (before && !this.#isDeleteSent(before.id) && !isDeleted)
      throw new Violation('G1', `after an answer under key ${call.key}, ${what}`);
    if (refusal.code === 'INVALID' && refusal.errors?.some(({ path }) => path === 'Idempotency-Key'))
      throw new Violation('G1', what);
  }

  document(workflow: Workflow, _: string, source: DocumentSource, call: SentCall | null): void {
    if (source === 'replay') return;
    const { id } = workflow;
    if (call) this.#notDeleted(id, call, 'a document was shown');
    const branchIds = workflow.branches.map((branch) => branch.id);
    if (new Set(branchIds).size < branchIds.length) throw new Violation('G1', `${id} lists a branch twice`);
    if (branchIds.length > this.#effectsOf(`branch ${id}`).size)
      throw new Violation('G1', `${id} has more branches than were asked for`);
    const contents = workflow.steps.map((step) => step.outputs?.content).filter((content) => content !== undefined);
    if (new Set(contents).size < contents.length) throw new Violation('G1', `${id} holds the same content twice`);
    if (!call) return;
    this.#checkDecisions(workflow, call);
    for (const [branchId, { since, parentId }] of this.#branches) {
      if (parentId === id && call.number > since && !branchIds.includes(branchId))
        throw new Violation('G1', `${id} has forgotten its branch ${branchId}`);
    }
    for (const { since, id: of, stepId, mark } of this.#externals) {
      if (of !== id || call.number <= since) continue;
      const step = workflow.steps.find((each) => each.id === stepId);
      // Data that came before the step was due stands in it, whatever becomes of the steps before it.
      // It is dropped where the step is skipped.
      const isDropped = step?.outcome === 'skipped';
      const isKept =
        isDropped || (step !== undefined && (step.outputs?.content === mark || step.outputs?.blob !== undefined));
      if (!isKept) throw new Violation('G1', `${id} has lost the external data "${mark}" of step ${stepId}`);
    }
  }

  #checkDecisions({ id, steps }: Workflow, call: SentCall): void {
    for (const { since, id: of, stepId, mark } of this.#decisions) {
      if (of !== id || call.number <= since) continue;
      const step = steps.find((each) => each.id === stepId);
      if (step?.outputs?.by !== mark)
        throw new Violation('G1', `${id} has lost the decision "${mark}" about step ${stepId}`);
    }
  }

  summaries(items: readonly WorkflowSummary[], call: SentCall): void {
    const ids = new Set(items.map((item) => item.id));
    if (ids.size < items.length) throw new Violation('G1', 'a workflow is listed twice');
    for (const [id, { since }] of this.#created) {
      if (call.number > since && !ids.has(id) && !this.#isDeleteSent(id) && !this.#hasMissed)
        throw new Violation('G1', `${id} was acknowledged and is not listed`);
    }
    for (const id of ids) this.#notDeleted(id, call, 'it is listed');
    const names = items.filter((item) => item.parentId === null).map((item) => item.name);
    if (new Set(names).size < names.length)
      throw new Violation('G1', `one call has made two workflows: ${names.sort()}`);
  }

  effects(effects: readonly Effect[]): void {
    for (const effect of effects) if (effect.kind === 'publish') this.#noteRemoval(effect.event);
  }

  /** A client learns of it when it is told. */
  #noteRemoval({ kind, workflow_id: id }: EngineEvent): void {
    if (kind !== 'workflow.deleted' || !this.#removes || this.#deleteSent.has(id)) return;
    this.#deleteSent.add(id);
    this.#deleted.set(id, { since: this.#lastNumber });
  }

  gap(): void {
    if (this.#removes) this.#hasMissed = true;
  }

  event(event: EngineEvent): void {
    this.#noteRemoval(event);
    if (event.kind === 'workflow.deleted' && this.#removes) return;
    const kinds = causes[event.kind];
    // What is done to a parent is done to its children.
    if (!kinds || this.#families.isChild(event.workflow_id)) return;
    const isCreation = event.kind === 'workflow.created';
    const scope = isCreation ? '' : event.workflow_id;
    const count = (this.#events.get(`${event.kind} ${scope}`) ?? 0) + 1;
    this.#events.set(`${event.kind} ${scope}`, count);
    const calls = kinds.reduce((sum, kind) => sum + this.#effectsOf(`${kind} ${scope}`).size, 0);
    if (count > calls)
      throw new Violation(
        'G1',
        `${calls} calls have brought about ${event.kind} of ${event.workflow_id} ${count} times`,
      );
  }

  #notDeleted(id: string, call: SentCall, what: string): void {
    const deleted = this.#families.lineOf(id).flatMap((each) => this.#deleted.get(each) ?? [])[0];
    if (deleted && call.number > deleted.since) throw new Violation('G1', `${id} was deleted, and ${what}`);
  }
}

/** Calls that wait are answered with what is there after the wait. */
function isWaiting(call: SentCall): boolean {
  return (call.args as { waitMs?: number }).waitMs !== 0;
}
