/**
 * Goal: decide, evolve and schedule do what the contract says, for graphs and histories nobody thought of, and what is
 * kept (journal, state file) gives the same workflow again.
 * Method: 2,000 seeded graphs, each driven by a random client, random outcomes and random deaths of the process; after
 * every operation the workflow is compared with `reference-interpreter.ts` and with its own derivation. A failure names
 * its seed; `SEED=<n> npx vitest run test/core/random-dags.test.ts` repeats that one.
 */
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import type { FailureCode } from '../../src/contract/failures.ts';
import { Refusal } from '../../src/contract/failures.ts';
import { readEventJson } from '../../src/contract/journal-event.ts';
import type { JsonObject } from '../../src/contract/json.ts';
import type { Lane } from '../../src/contract/task.ts';
import * as decide from '../../src/core/decide.ts';
import { evolve } from '../../src/core/evolve.ts';
import { decideExternalData } from '../../src/core/external-data.ts';
import { Schedule } from '../../src/core/schedule.ts';
import type { WorkflowState } from '../../src/core/state.ts';
import type { Change } from '../../src/core/stop-steps.ts';
import { validateDefinition } from '../../src/core/validate.ts';
import {
  bornAt,
  completed,
  derivedAfresh,
  external,
  failed,
  LiveWorkflow,
  replay,
  throughFile,
  toDerived,
  toKept,
  workflowId,
} from './live-workflow.ts';
import { type Cure, isSound, ReferenceWorkflow } from './reference-interpreter.ts';

const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: 2_000 }, (_, i) => i + 1);
const cures: Partial<Record<FailureCode, Cure>> = { TIMEOUT: 'transient', TASK_ERROR: 'permanent', BINDING: 'final' };

/** mulberry32: 32 bits of state, good enough to wander with. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** Uniform in [0, 1). */
  roll(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(share: number): boolean {
    return this.roll() < share;
  }

  /** 0 to `end` - 1. */
  below(end: number): number {
    return Math.floor(this.roll() * end);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

interface Drawn {
  id: string;
  name: string;
  action: string;
  dependencies: string[];
  retry?: { attemptsMax: number };
}

function drawSteps(dice: Dice, count: number): Drawn[] {
  const steps: Drawn[] = [];
  for (let i = 0; i < count; i += 1) {
    const dependencies = Array.from(
      { length: i === 0 ? 0 : dice.below(4) },
      () => `s${Math.max(0, i - 1 - dice.below(8))}`,
    );
    const step = {
      id: `s${i}`,
      name: `name ${i % 7}`,
      action: dice.chance(0.1) ? 'external_data' : 'noop',
      dependencies,
    };
    steps.push(dice.chance(0.2) ? { ...step, retry: { attemptsMax: 1 + dice.below(4) } } : step);
  }
  for (let i = steps.length - 1; i > 0; i -= 1) {
    const j = dice.below(i + 1);
    [steps[i], steps[j]] = [steps[j]!, steps[i]!];
  }
  return steps;
}

/** Makes a sound list of steps unsound in one of the ways a client can. */
function spoil(dice: Dice, steps: Drawn[]): void {
  const victim = dice.pick(steps);
  const other = dice.pick(steps);
  const kind = dice.below(4);
  if (kind === 0) victim.dependencies.push(victim.id);
  else if (kind === 1) victim.dependencies.push('nowhere');
  else if (kind === 2) steps.push({ ...victim, name: 'again' });
  else {
    victim.dependencies.push(other.id);
    other.dependencies.push(victim.id);
  }
}

function checkRefusal(steps: readonly Drawn[], result: ReturnType<typeof validateDefinition>): void {
  if (result.ok) throw new Error('an unsound definition was taken');
  const circles = result.errors.filter((error) => error.message.includes('in a circle'));
  const ids = new Set(steps.map((step) => step.id));
  const cutLoose = steps.map(({ id, dependencies }) => ({
    id,
    dependencies: dependencies.filter((up) => ids.has(up)),
  }));
  const firsts = cutLoose.filter((step, i) => steps.findIndex((other) => other.id === step.id) === i);
  // Unknown and repeated ids apart, what is unsound must be a circle, and the message must name a true one.
  expect(circles.length > 0).toBe(!isSound(firsts));
  for (const { message } of circles) {
    const names = message.slice(message.indexOf(': ') + 2).split(' → ');
    expect(names.length).toBeGreaterThan(1);
    expect(names[0]).toBe(names.at(-1));
    names.slice(1).forEach((upstream, i) => {
      expect(firsts.find((step) => step.id === names[i])?.dependencies).toContain(upstream);
    });
  }
}

type Flight = { stepId: string; attempt: number; lane: Exclude<Lane, 'none'> };

class Driver {
  readonly dice: Dice;
  readonly live: LiveWorkflow;
  readonly reference: ReferenceWorkflow;
  schedule: Schedule;
  readonly #slots: number;
  /** Attempts that hold a slot; an aborted one does so until its outcome is in (D4). */
  #flying: Flight[] = [];
  #landed: Flight[] = [];
  /** Queued steps that wait for their back-off, or for the end of an aborted attempt of theirs. */
  #held = new Set<string>();
  #suffix = 0;
  #version: number;

  constructor(dice: Dice, live: LiveWorkflow, reference: ReferenceWorkflow) {
    this.dice = dice;
    this.live = live;
    this.reference = reference;
    this.#slots = 1 + dice.below(6);
    this.schedule = new Schedule(this.#slots, 1 + dice.below(3));
    this.#version = live.state.header.version;
    live.state.steps.forEach((step, i) => {
      if (step.status === 'PENDING') this.#queue([i]);
    });
    const waiting = decide.decideWaiting(live.state, live.tick());
    if (waiting) live.apply(waiting);
    reference.begin();
  }

  get idle(): boolean {
    return this.schedule.ready + this.#held.size + this.#flying.length === 0;
  }

  takeSteps(): void {
    for (const { stepId, lane } of this.schedule.take(1 + this.dice.below(this.#slots))) {
      this.live.start(stepId);
      this.reference.start(stepId);
      this.#flying.push({ stepId, lane, attempt: this.live.step(stepId).attempt });
    }
    expectEqual(this.schedule.running, this.#flying.length, 'slots held');
    expectEqual(this.#flying.length <= this.#slots, true, 'D1');
    const cpu = this.#flying.filter((flight) => flight.lane === 'cpu').length;
    expectEqual(cpu <= this.schedule.cpuMax, true, 'D1 in the CPU lane');
  }

  land(failureShare: number): void {
    if (this.#flying.length === 0) return;
    const [flight] = this.#flying.splice(this.dice.below(this.#flying.length), 1);
    if (!flight) return;
    this.schedule.release(flight.lane);
    // The step was stopped meanwhile, and may be queued again: what the attempt has used counts all the same.
    if (!this.#outcome(flight, failureShare)) this.live.spent(flight.stepId, flight.attempt, this.#metrics());
    this.#landed.push(flight);
  }

  /** An outcome that was delivered before. */
  landAgain(): void {
    if (this.#landed.length > 0) this.#outcome(this.dice.pick(this.#landed), 0.5);
  }

  letTimePass(): void {
    for (const stepId of this.#held) {
      if (this.#flying.some((flight) => flight.stepId === stepId)) continue;
      this.#held.delete(stepId);
      this.#add(stepId);
    }
  }

  call(name: 'stop' | 'resume' | 'retry'): void {
    const accepted = this.reference[name]();
    try {
      this.#settle(this.live[name]());
    } catch (error) {
      if (!(error instanceof Refusal) || accepted) throw error;
      expect(error.status).toBe(409);
      return;
    }
    if (!accepted) throw new Error(`${name} was carried out though the status does not allow it`);
  }

  give(): void {
    const known = this.dice.pick(this.live.state.steps);
    const stepId = this.dice.chance(0.3) ? known.id : this.dice.chance(0.3) ? `absent${this.dice.below(3)}` : null;
    const stepName = this.dice.chance(0.5) ? `name ${this.dice.below(7)}` : null;
    this.#suffix += 1;
    const suffix = String(this.#suffix).padStart(8, '0');
    const queuedBefore = this.live.state.counts.PENDING;
    const add = this.dice.chance(0.1);
    const taker = this.reference.give(stepId, stepName, `ext_${suffix}`, add);
    let event: ReturnType<typeof decideExternalData>;
    try {
      event = decideExternalData(this.live.state, external({ stepId, stepName, add, suffix, now: this.live.tick() }));
    } catch (error) {
      if (!(error instanceof Refusal) || typeof taker === 'string') throw error;
      expect(error.status).toBe(taker === null ? 409 : 422);
      return;
    }
    expect(event.stepId).toBe(taker);
    const change = this.live.apply(event);
    expect(change.queued.length).toBe(this.live.state.counts.PENDING - queuedBefore);
    this.#settle(change);
  }

  /** Gives what the next waiting step asks for. */
  giveWhatIsMissing(): void {
    const { steps, index } = this.live.state;
    const step = steps.find(
      (each) =>
        each.action === 'external_data' && each.status === 'WAITING_FOR_DEPENDENCY' && !this.reference.isHeld(each.id),
    );
    const absent = steps.flatMap((each) => each.dependencies).find((id) => !index.has(id));
    const stepId = step?.id ?? absent;
    if (stepId === undefined) throw new Error('nothing is missing, and yet it waits');
    this.reference.give(stepId, null, '');
    this.#settle(this.live.give({ stepId }));
  }

  die(): void {
    const event = decide.decideRecovery(this.live.state, this.live.tick());
    this.reference.recover();
    this.schedule = new Schedule(this.#slots, this.schedule.cpuMax);
    this.#flying = [];
    this.#held.clear();
    if (event) this.#settle(this.live.apply(event));
  }

  compare(): void {
    const { live, reference } = this;
    const { state } = live;
    const { header, steps } = state;
    if (header.version < this.#version) throw new Error('the version shrank');
    this.#version = header.version;
    expectEqual(header.status, reference.status, 'workflow status');
    expectEqual(steps.length, reference.steps.length, 'number of steps');
    let ready = 0;
    reference.steps.forEach((expected, i) => {
      const { id, status, attempt, failures, error, outputs } = steps[i]!;
      const isSame =
        id === expected.id &&
        status === expected.status &&
        attempt === expected.attempt &&
        failures === expected.failures;
      if (!isSame)
        throw new Error(`${JSON.stringify({ id, status, attempt, failures })} should be ${JSON.stringify(expected)}`);
      // ED3: a step whose data came early has it already.
      if ((status === 'COMPLETED' || expected.hasData) !== (outputs !== null))
        throw new Error(`${id} is ${status}, outputs do not fit`);
      if (expected.culprit !== null && !error?.includes(`"${expected.culprit}"`)) {
        throw new Error(`${id} does not name ${expected.culprit}: ${error}`);
      }
      if (status === 'PENDING' && !this.#held.has(id)) ready += 1;
    });
    expectEqual(this.schedule.ready, ready, 'steps ready');
    expectSameDerived(state, derivedAfresh(state));
  }

  /** Whether the outcome still counted. */
  #outcome(flight: Flight, failureShare: number): boolean {
    const { stepId, attempt } = flight;
    let change: Change | null;
    if (this.dice.chance(failureShare)) {
      const code = this.dice.pick(Object.keys(cures) as FailureCode[]);
      change = this.live.end(stepId, failed(code, { metrics: this.#metrics() }), attempt, this.dice.roll());
      expectEqual(this.reference.fail(stepId, attempt, cures[code]!), change !== null, 'failure taken');
    } else {
      change = this.live.end(stepId, completed({ metrics: this.#metrics() }), attempt);
      expectEqual(this.reference.complete(stepId, attempt), change !== null, 'result taken');
    }
    if (change) this.#settle(change);
    return change !== null;
  }

  #metrics(): JsonObject | null {
    if (this.dice.chance(0.5)) return null;
    const cost = this.dice.chance(0.2) ? null : this.dice.below(100) / 1_000;
    return { tokens: this.dice.below(100), cost, model: `m${this.dice.below(3)}` };
  }

  #settle(change: Change): void {
    for (const i of change.unqueued) {
      const { id } = this.live.state.steps[i]!;
      this.schedule.remove(workflowId, id);
      this.#held.delete(id);
    }
    for (const i of change.aborted)
      expect(this.#flying.map((flight) => flight.stepId)).toContain(this.live.state.steps[i]!.id);
    this.#queue(change.queued);
  }

  #queue(places: readonly number[]): void {
    for (const i of places) {
      const { id, dueAt } = this.live.state.steps[i]!;
      if (dueAt !== null || this.#flying.some((flight) => flight.stepId === id)) this.#held.add(id);
      else this.#add(id);
    }
  }

  #add(stepId: string): void {
    const lane = stepId.length % 2 === 0 ? 'cpu' : 'io';
    this.schedule.add({ workflowId, stepId, lane, rankMs: this.dice.below(3) * 1_000, readyAt: this.live.now });
  }
}

/** vitest's expect costs too much where it is asked a million times. */
function expectEqual(actual: unknown, wanted: unknown, what: string): void {
  if (actual !== wanted) throw new Error(`${what}: ${actual} should be ${wanted}`);
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** ST1. Compared by hand for speed, shown by vitest when it differs. */
function expectSameDerived(state: WorkflowState, other: WorkflowState): void {
  const isSame =
    isSameList(state.missing, other.missing) &&
    isSameList(Object.values(state.counts), Object.values(other.counts)) &&
    state.downstream.length === other.downstream.length &&
    state.downstream.every((steps, i) => isSameList(steps, other.downstream[i]!)) &&
    state.index.size === other.index.size &&
    other.steps.every((step, i) => state.index.get(step.id) === i) &&
    state.resultsSize === other.resultsSize &&
    isDeepStrictEqual(state.totals, other.totals);
  if (!isSame) expect(toDerived(state)).toEqual(toDerived(other));
}

function expectSame(state: WorkflowState, other: WorkflowState): void {
  if (!isDeepStrictEqual(toKept(state), toKept(other))) expect(toKept(other)).toEqual(toKept(state));
  expectSameDerived(state, other);
}

/** A file written part of the way, and the whole journal on top of it, also what the file already holds (EV2). */
function expectFileAndJournalMeet(live: LiveWorkflow, early: WorkflowState): void {
  for (const { seq, json } of live.journal) evolve(early, readEventJson(json), seq);
  expectSame(live.state, early);
}

function drawSize(dice: Dice, seed: number): number {
  if (seed % 80 === 0) return 200;
  return seed % 10 === 0 ? 20 + dice.below(60) : 1 + dice.below(14);
}

/** Returns what the workflow came to. */
function runSeed(seed: number): string {
  const dice = new Dice(seed);
  const steps = drawSteps(dice, drawSize(dice, seed));
  if (dice.chance(0.12)) spoil(dice, steps);
  const failFast = dice.chance(0.2);
  const definition = {
    name: 'random',
    failurePolicy: failFast ? ('fail-fast' as const) : ('continue' as const),
    steps,
  };
  const validated = validateDefinition(definition, { catalogue: new Map(), unknownActions: 'simulate' });
  if (!isSound(steps) || new Set(steps.map((step) => step.id)).size < steps.length) {
    checkRefusal(steps, validated);
    return 'refused';
  }
  if (!validated.ok) throw new Error(`a sound definition was refused: ${JSON.stringify(validated.errors)}`);

  const isAdopted = dice.chance(0.25);
  if (isAdopted) for (const step of steps) if (dice.chance(0.1)) step.dependencies.push(`absent${dice.below(3)}`);
  const { id, now } = { id: workflowId, now: bornAt };
  const live = isAdopted
    ? LiveWorkflow.adopted({
        failurePolicy: failFast ? 'fail-fast' : null,
        steps: steps.map((step) => ({ ...step, status: 'PENDING' })),
      })
    : new LiveWorkflow(decide.decideCreate({ id, definition: validated.definition, templateId: null, now }));
  const expected = steps.map((step) => ({
    id: step.id,
    name: step.name,
    external: step.action === 'external_data',
    dependencies: step.dependencies,
    attemptsMax: step.retry?.attemptsMax,
  }));
  const driver = new Driver(dice, live, new ReferenceWorkflow(expected, failFast));
  driver.compare();
  const failureShare = dice.pick([0, 0.1, 0.4]);
  let early: WorkflowState | undefined;

  for (let left = Math.min(250, 20 + 4 * steps.length); left > 0; left -= 1) {
    const at = dice.roll();
    if (at < 0.35) driver.takeSteps();
    else if (at < 0.75) driver.land(failureShare);
    else if (at < 0.82) driver.letTimePass();
    else if (at < 0.86) driver.landAgain();
    else if (at < 0.88) driver.call('stop');
    else if (at < 0.91) driver.call('resume');
    else if (at < 0.94) driver.call('retry');
    else if (at < 0.98) driver.give();
    else driver.die();
    driver.compare();
    if (!early && dice.chance(0.05)) {
      early = throughFile(live.state);
      expectSame(live.state, early);
    }
  }
  const cameTo = live.status;
  bringToAnEnd(driver);
  expectSame(live.state, replay(live.journal));
  expectSame(live.state, throughFile(live.state));
  if (early) expectFileAndJournalMeet(live, early);
  return cameTo;
}

/** G7: with no more failures and everything given, every workflow completes. */
function bringToAnEnd(driver: Driver): void {
  const { live } = driver;
  for (let left = 20 * live.state.steps.length + 200; live.status !== 'COMPLETED'; left -= 1) {
    if (left === 0) throw new Error(`${live.status}, and nothing brings it to an end`);
    driver.letTimePass();
    driver.takeSteps();
    driver.land(0);
    if (driver.idle && live.status === 'STOPPED') driver.call('resume');
    else if (driver.idle && live.status === 'FAILED') driver.call('retry');
    else if (driver.idle && live.status === 'WAITING_FOR_DEPENDENCY') driver.giveWhatIsMissing();
    driver.compare();
  }
}

test(`${seeds.length} random graphs behave as the reference does, live, from the journal and from the file`, () => {
  const tally = new Map<string, number>();
  for (const seed of seeds) {
    try {
      const cameTo = runSeed(seed);
      tally.set(cameTo, (tally.get(cameTo) ?? 0) + 1);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  // A driver that never gets anywhere would compare nothing: every fate must have come up.
  if (seeds.length < 2_000) return;
  for (const fate of ['refused', 'COMPLETED', 'FAILED', 'STOPPED', 'RUNNING', 'WAITING_FOR_DEPENDENCY']) {
    expect(tally.get(fate) ?? 0, fate).toBeGreaterThan(20);
  }
}, 180_000);
