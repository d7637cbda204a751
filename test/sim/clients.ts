/**
 * Clients that use the engine as people and programs do: all calls, on all workflows, some with keys. Each keeps what it
 * was told; what was not answered before a death it asks again with the same key, or lets be.
 */
import type { WorkflowText } from '../../src/contract/coordinator.ts';
import type { WorkflowDefinition } from '../../src/contract/definition.ts';
import type { ListReply } from '../../src/contract/engine.ts';
import type { WorkflowStep } from '../../src/contract/workflow.ts';
import type { Answer, CallKind, SentCall } from './check.ts';
import { drawWorkflow } from './definitions.ts';
import type { Dice } from './dice.ts';
import type { World } from './world.ts';

const weights: Record<CallKind | 'files', number> = {
  submit: 6,
  get: 4,
  list: 1,
  stop: 1.5,
  resume: 1.5,
  retry: 1.5,
  branch: 1,
  delete: 0.4,
  externalData: 3,
  decide: 2,
  readBlob: 0.5,
  files: 1,
};

type Draft = Pick<SentCall, 'kind' | 'id' | 'args' | 'mark'>;

export function isWaitingExternal(step: WorkflowStep): boolean {
  return step.action === 'external_data' && step.status === 'WAITING_FOR_DEPENDENCY' && step.outputs === null;
}

export class Clients {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #known: string[] = [];
  /** Without an answer so far. */
  readonly #open = new Map<number, SentCall>();
  /** Without an answer when a life ended. */
  readonly #lost: SentCall[] = [];
  /** Answered under a key. */
  readonly #answered: SentCall[] = [];
  /** The effect of each key of a slot. */
  readonly #slots = new Map<string, number>();
  #number = 0;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice.fork();
  }

  get open(): number {
    return this.#open.size;
  }

  /** Makes `count` calls one after the other, whether or not those before them are answered. */
  begin(count: number, onEnd: () => void): void {
    const { agenda, swarm, life } = this.#world;
    if (!life) return;
    const next = (left: number): void => {
      if (left === 0) {
        onEnd();
        return;
      }
      this.#act();
      agenda.add(this.#think(), life, () => next(left - 1));
    };
    agenda.add(this.#dice.random() * swarm.thinkMs, life, () => next(count));
  }

  #think(): number {
    const { swarm } = this.#world;
    // Long enough for the engine to find itself idle.
    if (this.#dice.chance(swarm.idleShare)) return 11 * 60 * 1000;
    if (this.#dice.chance(0.2)) return 0;
    return this.#dice.random() * swarm.thinkMs;
  }

  /** What had no answer when the life ended is asked again in the next one, or given up. */
  afterLife(): void {
    this.#lost.push(...this.#open.values());
    this.#open.clear();
  }

  resend(): void {
    for (const call of this.#lost.splice(0))
      if (call.key !== null && this.#dice.chance(this.#world.swarm.retryShare)) this.#again(call);
  }

  #act(): void {
    const { swarm, agenda } = this.#world;
    if (this.#dice.chance(swarm.clockJumpShare)) {
      const days = this.#dice.pick([-1, 1]);
      this.#world.history.note(() => `clock jumps by ${days} days`);
      agenda.jumpDays(days);
    }
    if (this.#answered.length > 0 && this.#dice.chance(swarm.repeatShare)) {
      this.#again(this.#dice.pick(this.#answered));
      return;
    }
    const kind = this.#dice.weighted(weights);
    if (kind === 'files') {
      this.#world.readFiles();
      return;
    }
    const isAlone = kind === 'submit' || kind === 'list' || this.#known.length === 0;
    const draft = isAlone ? this.#draftAlone(kind) : this.#draft(kind, this.#dice.pick(this.#known));
    if (!draft) return;
    const isChange = !['get', 'list', 'delete', 'readBlob'].includes(draft.kind);
    const call = this.#toCall(draft, isChange && this.#dice.chance(swarm.keyShare));
    this.#send(call);
    // A client that has lost patience asks a second time while the first call is under way.
    if (call.key !== null && this.#dice.chance(swarm.repeatShare)) this.#again(call);
  }

  #toCall(draft: Draft, hasKey: boolean): SentCall {
    this.#number += 1;
    return { ...draft, number: this.#number, effect: this.#number, key: hasKey ? `key-${this.#number}` : null };
  }

  #again(call: SentCall): void {
    this.#number += 1;
    this.#send({ ...call, number: this.#number });
  }

  #send(call: SentCall): void {
    this.#open.set(call.number, call);
    this.#world.send(call, (refusal, answer) => {
      this.#open.delete(call.number);
      if (refusal) return;
      if (call.key !== null) this.#answered.push(call);
      if (call.kind === 'submit' || call.kind === 'branch') this.#learn((answer as WorkflowText).id);
      if (call.kind === 'list') for (const { id } of (answer as ListReply).items) this.#learn(id);
    });
  }

  #learn(id: string): void {
    if (!this.#known.includes(id)) this.#known.push(id);
  }

  #wait(): { waitMs: number; until: 'rest' | 'finished' } {
    const waitMs = this.#dice.chance(0.3) ? this.#dice.pick([10, 1_000, 60_000]) : 0;
    return { waitMs, until: this.#dice.pick(['rest', 'finished']) };
  }

  #draftAlone(kind: CallKind): Draft {
    if (kind === 'list') return this.list();
    const mark = `workflow ${this.#number + 1}`;
    const drawn = drawWorkflow(this.#dice, this.#world.swarm, mark);
    return { kind: 'submit', id: null, args: { ...drawn, templateId: null, ...this.#wait() }, mark };
  }

  list(): Draft {
    return { kind: 'list', id: null, args: { limit: 1_000 }, mark: '' };
  }

  #draft(kind: Exclude<CallKind, 'submit' | 'list'>, id: string): Draft | null {
    const latest = this.#world.latest.get(id);
    switch (kind) {
      case 'get':
        return { kind, id, args: { id, ...this.#wait() }, mark: '' };
      case 'stop':
      case 'resume':
      case 'retry':
      case 'delete':
        return { kind, id, args: { id }, mark: '' };
      case 'branch': {
        if (!latest) return null;
        const request = { stepId: this.#dice.pick(latest.steps).id };
        return { kind, id, args: { id, request, ...this.#wait() }, mark: '' };
      }
      case 'externalData':
        return this.#draftExternal(id, latest?.steps.filter(isWaitingExternal) ?? []);
      case 'decide':
        return this.#draftDecision(id, latest?.steps.filter(({ action }) => action === 'approval') ?? []);
      case 'readBlob': {
        const blobs = latest?.steps.flatMap(({ outputs }) => (outputs?.blob !== undefined ? [outputs.blob] : [])) ?? [];
        return blobs.length === 0 ? null : { kind, id, args: { id, blob: this.#dice.pick(blobs) }, mark: '' };
      }
      default: {
        const never: never = kind;
        throw new Error(String(never));
      }
    }
  }

  /** Named, for the one that waits or for one of several, and beside those that wait; often before the step is due. */
  #draftExternal(id: string, waiting: readonly WorkflowStep[]): Draft {
    const stepId = waiting.length === 0 || this.#dice.chance(0.2) ? null : this.#dice.pick(waiting).id;
    return this.external(id, stepId, stepId === null && this.#dice.chance(0.3));
  }

  /** Mostly for one that waits; now and then for one that is decided, or whose turn has not come. */
  #draftDecision(id: string, approvals: readonly WorkflowStep[]): Draft | null {
    const waiting = approvals.filter(({ waits }) => waits?.for === 'decision');
    const meant = waiting.length > 0 && this.#dice.chance(0.8) ? waiting : approvals;
    return meant.length === 0 ? null : this.decision(id, this.#dice.pick(meant).id);
  }

  decision(id: string, stepId: string): Draft {
    const mark = `decision ${this.#number + 1}`;
    const args = { id, stepId, approved: this.#dice.chance(0.5), by: mark, comment: null, data: null, isChecked: true };
    return { kind: 'decide', id, args, mark };
  }

  /** What the engine asks itself under a key that no client can have: the same effect each time. */
  submitUnder(key: string, definition: WorkflowDefinition): Promise<{ id: string }> {
    const args = { definition, templateId: null, waitMs: 0, until: 'rest' };
    const draft: Draft = { kind: 'submit', id: null, args, mark: definition.name };
    const call = this.#toCall(draft, false);
    const effect = this.#slots.get(key) ?? call.effect;
    this.#slots.set(key, effect);
    return this.#promise<WorkflowText>({ ...call, effect, key });
  }

  stop(id: string): Promise<unknown> {
    return this.#promise(this.#toCall({ kind: 'stop', id, args: { id }, mark: '' }, false));
  }

  /** Never settles when the engine dies. */
  #promise<T extends Answer>(call: SentCall): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#world.send(call, (refusal, answer) => {
        if (refusal) reject(refusal);
        else resolve(answer as T);
      });
    });
  }

  external(id: string, stepId: string | null, add = false): Draft {
    const mark = `external ${this.#number + 1}`;
    const padding = this.#dice.chance(this.#world.swarm.bigOutputShare) ? 'x'.repeat(66 * 1024) : '';
    const args = {
      id,
      stepId,
      stepName: null,
      add,
      sourceUrl: null,
      action: 'external_data',
      outputsJson: JSON.stringify({ content: mark, source_url: null, content_type: 'text', padding }),
      metadata: {},
    };
    return { kind: 'externalData', id, args, mark };
  }

  /** One call, and its answer; null when it was refused or the engine died. */
  async ask(draft: Draft): Promise<{ answer: unknown } | null> {
    const call = this.#toCall(draft, false);
    let ended: { answer: unknown } | null | undefined;
    this.#world.send(call, (refusal, answer) => {
      ended = refusal ? null : { answer };
    });
    await this.#world.run(() => ended !== undefined);
    return ended ?? null;
  }
}
