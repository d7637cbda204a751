/**
 * One scripted history in a simulated world: calls that wait for their answers, and a death after a certain disk
 * operation. What was asked when the engine died is asked again under the same key by the next life.
 */
import type { CoordinatorCalls, WorkflowText } from '../../src/contract/coordinator.ts';
import type { ListReply } from '../../src/contract/engine.ts';
import type { Refusal } from '../../src/contract/failures.ts';
import { isTerminal, type Workflow, type WorkflowStep } from '../../src/contract/workflow.ts';
import { type Answer, type CallKind, type SentCall, Violation } from '../sim/check.ts';
import type { Swarm } from '../sim/swarm.ts';
import { World } from '../sim/world.ts';

/** Thrown out of a scenario whose engine has died; what comes then is the enumeration's business. */
export class Died extends Error {}

/** Nothing goes wrong unless a scenario says so. */
const quiet: Swarm = {
  deaths: 0,
  powerShare: 0,
  closeShare: 0,
  deathWithinOperations: null,
  diskLatencyMs: 1,
  shortWriteShare: 0,
  checkpointBytes: 8 * 1024 * 1024,
  maxParallelNodes: 3,
  poolThreads: 2,
  fates: { complete: 1, retryable: 0, permanent: 0, final: 0, hang: 0, lost: 0 },
  attemptMs: 5,
  doubleOutcomeShare: 0,
  lateCompleteShare: 0,
  bigOutputShare: 0,
  blobLikeShare: 0,
  clockJumpShare: 0,
  idleShare: 0,
  killerShare: 0,
  calls: 0,
  thinkMs: 0,
  keyShare: 0,
  repeatShare: 0,
  retryShare: 0,
  flowShare: 0,
  stepsMax: 0,
  keepFinished: null,
  childShare: 0,
  secretShare: 0,
  schedule: null,
};

/** Operations after which the disk may hold something else than before. */
const changing =
  /^(openSync|writeSync|truncateSync|fsyncSync|fdatasyncSync|fsyncDirectorySync|renameSync|unlinkSync|mkdirSync)$/;
/** Calm lasts no longer than this, however much is left to do. */
const calmMsMax = 10 * 60 * 1000;

const noWait = { waitMs: 0, until: 'rest' as const };

export interface Scenario {
  readonly swarm?: Partial<Swarm>;
  /** After the first start, which is part of one of them only. */
  tell(script: Script): Promise<void>;
  readonly withFirstStart?: true;
}

export class Script {
  readonly world: World;
  /** Numbers of the disk operations after which a death is worth while, in order. */
  readonly points: number[] = [];
  #open: SentCall | null = null;
  #number = 0;
  #dieAfter: number | null = null;

  constructor(seed: number, swarm: Partial<Swarm>) {
    this.world = new World({ seed, swarm: { ...quiet, ...swarm } });
    this.world.history.note = (line) => {
      const [what, name = ''] = line().split(' ', 2);
      if (what === 'disk' && changing.test(name)) this.points.push(this.world.disk.operationsDone);
    };
  }

  /** The engine dies when it turns to the disk the next time after this operation. */
  dieAfter(operation: number | null): void {
    this.#dieAfter = operation;
    this.#arm();
  }

  #arm(): void {
    const { disk } = this.world;
    disk.operationsLeft = this.#dieAfter === null ? Number.POSITIVE_INFINITY : this.#dieAfter + 1 - disk.operationsDone;
  }

  async boot(): Promise<void> {
    if (!(await this.world.boot())) this.#stop();
  }

  /** A death that belongs to the story. */
  die({ power }: { power: boolean }): void {
    this.world.die({ power });
    this.#arm();
  }

  async close(): Promise<void> {
    if (!(await this.world.close())) this.#stop();
  }

  async pass(ms: number): Promise<void> {
    await this.world.pass(ms);
    this.#check();
  }

  cut(): void {
    try {
      this.world.life?.store?.cut();
    } finally {
      this.#check();
    }
  }

  async checkpoint(): Promise<void> {
    let isDone = false;
    void this.world.life?.coordinator?.parts.checkpoints.make().then(() => {
      isDone = true;
    });
    await this.world.run(() => isDone);
    this.#check();
  }

  async submit(
    name: string,
    steps: object[],
    waitMs = 60_000,
    last: object[] = [],
    templates: object = {},
  ): Promise<string> {
    const definition = { name, steps, ...(last.length > 0 ? { finally: last } : {}) };
    const args = { definition, templateId: null, templates, waitMs, until: 'rest' };
    return ((await this.#change('submit', null, args, name)) as WorkflowText).id;
  }

  async branch(id: string, stepId: string): Promise<string> {
    const args = { id, request: { stepId }, waitMs: 60_000, until: 'rest' };
    return ((await this.#change('branch', id, args, 'branch')) as WorkflowText).id;
  }

  async ask(kind: 'stop' | 'resume' | 'retry' | 'delete', id: string): Promise<void> {
    if (kind === 'delete') await this.#send({ ...this.#next(), kind, id, args: { id }, key: null, mark: '' });
    else await this.#change(kind, id, { id }, '');
  }

  async feed(id: string, stepId: string): Promise<void> {
    const mark = `fed to ${stepId} of ${id}`;
    const outputsJson = JSON.stringify({ content: mark, source_url: null, content_type: 'text' });
    const args = { id, stepId, stepName: null, sourceUrl: null, action: 'external_data', outputsJson, metadata: {} };
    await this.#change('externalData', id, args, mark);
  }

  async decide(id: string, stepId: string, approved: boolean): Promise<void> {
    const mark = `decided about ${stepId} of ${id}`;
    const args = { id, stepId, approved, by: mark, comment: null, data: null, isChecked: true };
    await this.#change('decide', id, args, mark);
  }

  #change(kind: CallKind, id: string | null, args: object, mark: string): Promise<Answer> {
    const numbers = this.#next();
    return this.#send({ ...numbers, kind, id, args, key: `key ${numbers.effect}`, mark });
  }

  #next(): { number: number; effect: number } {
    this.#number += 1;
    return { number: this.#number, effect: this.#number };
  }

  async #send(call: SentCall): Promise<Answer> {
    let ended: { refusal: Refusal | null; answer: Answer } | null = null;
    this.#open = call;
    this.world.send(call, (refusal, answer) => {
      ended = { refusal, answer };
    });
    await this.world.run(() => ended !== null);
    this.#check();
    const { refusal, answer } = ended as unknown as { refusal: Refusal | null; answer: Answer };
    this.#open = null;
    if (refusal) throw new Violation('G1', `${call.kind} was refused: ${refusal.code} ${refusal.detail}`);
    return answer;
  }

  /** The call that the death left without an answer, made again. It may be refused: it may have had its effect. */
  async askAgain(): Promise<void> {
    const call = this.#open;
    this.#open = null;
    if (call === null) return;
    let isEnded = false;
    this.world.send({ ...call, ...this.#next(), effect: call.effect }, () => {
      isEnded = true;
    });
    await this.world.run(() => isEnded);
    this.#check();
  }

  #check(): void {
    if (this.world.disk.isDead || this.world.history.violation) this.#stop();
  }

  #stop(): never {
    if (this.world.history.violation) throw this.world.history.violation;
    if (!this.world.disk.isDead) throw new Violation('G7', 'the engine has ended');
    throw new Died();
  }

  /** Everything comes to its end; then a stop and a start change nothing. */
  async finish(): Promise<void> {
    this.world.isCalm = true;
    const until = this.world.agenda.now + calmMsMax;
    for (;;) {
      const unfinished = (await this.#readAll()).filter(({ status }) => !isTerminal(status));
      const stats = await this.world.life?.coordinator?.call('stats', {});
      if (stats && stats.set_aside > 0) throw new Violation('G1', `${stats.set_aside} workflows were set aside`);
      if (unfinished.length === 0 && stats?.queue.running === 0 && stats.queue.depth === 0) break;
      if (this.world.agenda.now > until) throw new Violation('G7', `stuck: ${JSON.stringify(unfinished)}`);
      for (const { id, steps } of unfinished)
        for (const step of steps) {
          if (isWaitingExternal(step)) await this.feed(id, step.id);
          if (step.waits?.for === 'decision' && step.waits.until === undefined) await this.decide(id, step.id, true);
        }
      await this.pass(1_000);
    }
    const ended = new Map((await this.#readAll()).map((workflow) => [workflow.id, workflow]));
    this.world.history.tell((check) => check.calm?.(ended));
    this.#check();
    await this.close();
    await this.boot();
    await this.#readAll();
    if (this.world.life?.coordinator?.parts.flights.count !== 0)
      throw new Violation('G4', 'after a clean restart something runs');
    await this.close();
  }

  async #readAll(): Promise<Workflow[]> {
    const list = { ...this.#next(), kind: 'list' as const, id: null, args: { limit: 1_000 }, key: null, mark: '' };
    const { items } = (await this.#send(list)) as ListReply;
    const workflows: Workflow[] = [];
    for (const { id } of items) {
      const args: CoordinatorCalls['get']['args'] = { id, ...noWait };
      const answer = await this.#send({ ...this.#next(), kind: 'get', id, args, key: null, mark: '' });
      workflows.push(JSON.parse((answer as WorkflowText).json) as Workflow);
    }
    this.world.readFiles();
    this.#check();
    return workflows;
  }
}

function isWaitingExternal(step: WorkflowStep): boolean {
  return step.action === 'external_data' && step.status === 'WAITING_FOR_DEPENDENCY';
}
