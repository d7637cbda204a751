/**
 * Everything around the engine, made from one seed: disk, time, chance, pool, and what is seen of the engine from outside.
 * The engine itself is the real one. Who uses it makes calls, lets time pass, ends lives and begins new ones.
 */
import { createHash } from 'node:crypto';
import type { CoordinatorCalls, WorkflowText } from '../../src/contract/coordinator.ts';
import type { ListReply } from '../../src/contract/engine.ts';
import { Refusal } from '../../src/contract/failures.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { PowerCutDisk } from '../store/power-cut-disk.ts';
import { Agenda, type Owner } from './agenda.ts';
import { type Answer, type CallKind, type Check, type SentCall, Violation } from './check.ts';
import { AcceptedCheck } from './checks/accepted.ts';
import { CrashLoopCheck } from './checks/crash-loop.ts';
import { DecisionsCheck } from './checks/decisions.ts';
import { EffectsCheck } from './checks/effects.ts';
import { FamilyCheck } from './checks/family.ts';
import { FlowCheck } from './checks/flow.ts';
import { LastStepsCheck } from './checks/last-steps.ts';
import { OrderCheck } from './checks/order.ts';
import { OverlapCheck } from './checks/overlap.ts';
import { RecordedCheck } from './checks/recorded.ts';
import { RetentionCheck } from './checks/retention.ts';
import { SecretsCheck } from './checks/secrets.ts';
import { ShownCheck } from './checks/shown.ts';
import { SlotsCheck } from './checks/slots.ts';
import { Dice } from './dice.ts';
import { Families } from './families.ts';
import { History } from './history.ts';
import { Life, queueStateFile, workflowsDir } from './life.ts';
import { resetExecutions } from './pool.ts';
import { secretForms } from './secrets.ts';
import { drawSwarm, type Swarm } from './swarm.ts';

/** More than any seed needs; a world that passes it goes round in circles. */
const eventsMax = 200_000;

export interface WorldOptions {
  seed: number;
  /** In place of what the seed draws. */
  swarm?: Partial<Swarm>;
  isTraced?: boolean;
  /** Told all that is seen, behind those that every world has. */
  checks?: readonly Check[];
}

export class World implements Owner {
  readonly isDead = false;
  readonly seed: number;
  readonly swarm: Swarm;
  readonly agenda = new Agenda();
  readonly disk: PowerCutDisk;
  readonly history: History;
  readonly dice: Dice;
  /** Latest document of each workflow. */
  readonly latest = new Map<string, Workflow>();
  readonly #latestText = new Map<string, string>();
  /** What files held when they were read last. */
  readonly #filesSeen = new Map<string, Buffer>();
  life: Life | null = null;
  /** Faults are off: attempts complete, nobody dies. */
  isCalm = false;
  lives = 0;
  deaths = 0;
  callsMade = 0;
  #lastSeq = 0;
  /** After a power cut files are whole again once the engine has started. */
  #areFilesWhole = true;
  readonly #diskDice: Dice;
  readonly #lifeDice: Dice;

  constructor({ seed, swarm, isTraced = false, checks: more = [] }: WorldOptions) {
    resetExecutions();
    this.seed = seed;
    this.dice = new Dice(seed);
    this.swarm = { ...drawSwarm(this.dice.fork()), ...swarm };
    this.#diskDice = this.dice.fork();
    this.#lifeDice = this.dice.fork();
    const { maxParallelNodes, poolThreads, keepFinished } = this.swarm;
    const removes = keepFinished !== null;
    const families = new Families();
    const checks: Check[] = [
      families,
      new AcceptedCheck(families, { removes }),
      new RecordedCheck((id, name) => this.#readBlob(id, name), families, { removes }),
      new ShownCheck(),
      new OverlapCheck({ slotsMax: maxParallelNodes, cpuMax: poolThreads }),
      new OrderCheck(),
      new FlowCheck(),
      new LastStepsCheck(),
      new FamilyCheck(),
      new EffectsCheck(),
      new CrashLoopCheck(families),
      new RetentionCheck(keepFinished, this.agenda, families),
      new DecisionsCheck(families),
      ...(this.swarm.secretShare > 0 ? [new SecretsCheck(secretForms)] : []),
      ...(this.swarm.schedule === null ? [] : [new SlotsCheck({ removes })]),
      ...more,
    ];
    this.history = new History(checks, isTraced);
    this.history.clock = () => this.agenda.now;
    this.history.note(() => `seed ${seed} ${JSON.stringify(this.swarm)}`);
    this.disk = new PowerCutDisk(this.#diskDice.random, {
      later: (run) => void this.agenda.add(this.#diskDice.random() * this.swarm.diskLatencyMs, this.life ?? this, run),
      onOperation: (name, path) => {
        this.agenda.spend(0.05 + this.#diskDice.random() * 0.2);
        this.history.note(() => `disk ${name} ${path}`);
      },
      shorten: (length) => {
        const isShort = !this.isCalm && this.#diskDice.chance(this.swarm.shortWriteShare);
        return isShort ? 1 + this.#diskDice.below(length) : length;
      },
    });
  }

  get isUp(): boolean {
    return this.life !== null && this.life.coordinator !== null && !this.disk.isDead;
  }

  /** Runs until `isDone`, a death, a violation, or until nothing is left to happen. */
  async run(isDone: () => boolean): Promise<void> {
    const bound = this.agenda.eventsRun + eventsMax;
    await this.agenda.run(() => {
      if (this.agenda.eventsRun > bound) this.history.broken('G7', `${eventsMax} things happened, and there is no end`);
      return this.disk.isDead || this.history.violation !== null || isDone();
    });
  }

  /** Lets virtual time pass. */
  async pass(ms: number): Promise<void> {
    let isOver = false;
    const cancel = this.agenda.add(ms, this, () => {
      isOver = true;
    });
    await this.run(() => isOver);
    cancel();
  }

  /** Starts the engine; false when it died while starting. */
  async boot(): Promise<boolean> {
    this.lives += 1;
    this.history.note(() => `boot ${this.lives}`);
    const life = new Life({
      agenda: this.agenda,
      disk: this.disk,
      dice: this.#lifeDice.fork(),
      swarm: this.swarm,
      history: this.history,
      seed: this.seed,
      isCalm: () => this.isCalm,
      onKiller: () => {
        if (!this.isCalm) this.disk.kill();
      },
    });
    this.life = life;
    await this.#settle(life.start());
    const { coordinator, store } = life;
    if (!coordinator || !store || this.disk.isDead || this.history.violation) return false;
    this.#areFilesWhole = true;
    this.history.tell((check) => check.lifeBegan?.({ lastSeq: store.nextSeq - 1 }));
    coordinator.subscribe(this.#lastSeq, null, (events) => {
      if (life.isDead || this.disk.isDead) return;
      for (const event of events) {
        this.history.note(() => `event ${JSON.stringify(event)}`);
        if (event.kind === 'gap') {
          this.history.tell((check) => check.gap?.(event));
          this.#lastSeq = event.oldest - 1;
        } else {
          this.history.tell((check) => check.event?.(event));
          this.#lastSeq = event.seq;
        }
      }
    });
    this.readFiles();
    return this.history.violation === null;
  }

  async #settle(work: Promise<unknown>): Promise<void> {
    let isSettled = false;
    work.then(
      () => {
        isSettled = true;
      },
      (error: unknown) => {
        isSettled = true;
        if (!this.disk.isDead) this.history.fail(new Violation('G7', `the engine failed: ${describe(error)}`));
      },
    );
    await this.run(() => isSettled);
    if (!isSettled && !this.disk.isDead && !this.history.violation)
      this.history.broken('G7', 'the engine waits for something that never comes');
  }

  /** Stops the engine as SIGTERM does; false when it died meanwhile. */
  async close(): Promise<boolean> {
    const { life } = this;
    if (!life?.coordinator) return false;
    this.history.note(() => 'close');
    await this.#settle(life.coordinator.close());
    if (this.disk.isDead || this.history.violation) return false;
    this.#end(life, true);
    this.readFiles();
    return true;
  }

  /** The process ends here, if it has not already; with `power` so does the machine. */
  die({ power }: { power: boolean }): void {
    this.disk.kill();
    this.history.note(() => (power ? 'POWER CUT' : 'KILL'));
    this.deaths += 1;
    if (this.life) this.#end(this.life, false);
    this.disk.restart({ power });
    if (power) this.#areFilesWhole = false;
    if (this.#areFilesWhole) this.readFiles();
  }

  #end(life: Life, isClean: boolean): void {
    life.isDead = true;
    this.life = null;
    this.history.tell((check) => check.lifeEnded?.({ isClean }));
  }

  /** Makes a call on the living engine. `onEnd` tells how it ended; it is not called when the engine dies first. */
  send(call: SentCall, onEnd: (refusal: Refusal | null, answer: Answer) => void = () => undefined): void {
    const { life } = this;
    if (!life?.coordinator) throw new Error('there is no engine to call');
    this.callsMade += 1;
    this.history.note(() => `call ${call.number} ${call.kind} ${call.id ?? ''} ${call.key ?? ''} ${call.mark}`);
    this.history.tell((check) => check.sent?.(call));
    const claim =
      call.key === null ? {} : { claim: { key: call.key, request: digestOf(call), requestAsSent: digestOf(call) } };
    const args = { ...(call.args as object), ...claim } as CoordinatorCalls[CallKind]['args'];
    life.coordinator.call(call.kind, args).then(
      (answer) => {
        if (life.isDead || this.disk.isDead) return;
        this.#onAnswer(call, answer);
        onEnd(null, answer);
      },
      (error: unknown) => {
        if (life.isDead || this.disk.isDead) return;
        if (!(error instanceof Refusal)) {
          this.history.broken('G7', `${call.kind} ${call.number} failed: ${describe(error)}`);
          return;
        }
        this.history.note(() => `refused ${call.number} ${error.code} ${error.detail}`);
        this.history.tell((check) => check.refused?.(call, error.toData()));
        onEnd(error, null);
      },
    );
  }

  #onAnswer(call: SentCall, answer: Answer): void {
    this.history.note(() => `answer ${call.number} ${JSON.stringify(answer)?.slice(0, 200)}`);
    this.history.tell((check) => check.answered?.(call, answer));
    if (call.kind === 'list') this.history.tell((check) => check.summaries?.((answer as ListReply).items, call));
    const { json, replayed, id } = (answer ?? {}) as WorkflowText;
    if (typeof json !== 'string' || id === undefined) return;
    const latest = this.latest.get(id);
    const workflow = latest && this.#latestText.get(id) === json ? latest : (JSON.parse(json) as Workflow);
    if (!latest || latest.version < workflow.version) {
      this.latest.set(id, workflow);
      this.#latestText.set(id, json);
    }
    // Large outputs are not indented; files are compared without their layout.
    const text = json.includes('"outputs": {"') ? JSON.stringify(workflow, null, 2) : json;
    this.history.tell((check) => check.document?.(workflow, text, replayed ? 'replay' : 'answer', call));
  }

  /** What a program that reads the files sees (G8): every one is whole, and told as a document. */
  readFiles(): void {
    try {
      for (const id of this.disk.peekNames(workflowsDir)) {
        if (id.startsWith('.')) continue;
        const bytes = this.disk.peek(`${workflowsDir}/${id}/state.json`);
        // Not written yet, or on its way out.
        if (bytes === null) continue;
        // What has been found whole is so still.
        if (this.#filesSeen.get(id)?.equals(bytes)) continue;
        this.#filesSeen.set(id, Buffer.from(bytes));
        const { _meta, ...workflow } = parse(`state.json of ${id}`, bytes) as Workflow & { _meta: unknown };
        if (workflow.id !== id || _meta === undefined) throw new Violation('G8', `state.json of ${id} is another's`);
        const text = JSON.stringify(workflow, null, 2);
        this.history.tell((check) => check.document?.(workflow, text, 'file', null));
      }
      const queue = this.disk.peek(queueStateFile);
      if (queue && !Array.isArray(parse('the queue file', queue))) throw new Violation('G8', 'the queue is no array');
      if (queue) this.history.tell((check) => check.file?.(queueStateFile, queue));
      if (this.swarm.secretShare > 0 || this.swarm.schedule !== null) this.#showFiles(workflowsDir);
    } catch (error) {
      this.history.fail(error);
    }
  }

  #showFiles(directory: string): void {
    for (const name of this.disk.peekNames(directory)) {
      const path = `${directory}/${name}`;
      const bytes = this.disk.peek(path);
      if (bytes === null) this.#showFiles(path);
      else this.history.tell((check) => check.file?.(path, bytes));
    }
  }

  #readBlob(id: string, name: string): string | null {
    const bytes = this.disk.peek(`${workflowsDir}/${id}/blobs/${name}`);
    return bytes && createHash('sha256').update(bytes).digest('hex') === name ? bytes.toString() : null;
  }
}

function parse(what: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new Violation('G8', `${what} is not whole: ${(error as Error).message}`);
  }
}

function digestOf(call: SentCall): string {
  return createHash('sha256')
    .update(JSON.stringify([call.kind, call.args]))
    .digest('hex');
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
