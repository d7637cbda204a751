/**
 * One seed, one history: lives of the engine with clients at work, each ended by a death or a stop; then calm, in which
 * everything has to come to its end (G7); then a stop and a start that may change nothing.
 */
import type { ListReply } from '../../src/contract/engine.ts';
import type { KeepFinished } from '../../src/contract/keep-finished.ts';
import { isTerminal, type Workflow, type WorkflowStep } from '../../src/contract/workflow.ts';
import { Violation } from './check.ts';
import { Clients, isWaitingExternal } from './clients.ts';
import { Slots } from './slots.ts';
import { World, type WorldOptions } from './world.ts';

/** A look a minute, and the removals of one look. */
const retentionMsMax = 90 * 1000;
/** Calm lasts no longer than this, however much is left to do. */
const calmMsMax = 30 * 60 * 1000;
/** A stop and a start at the end cost a third of a seed's time, and find little after so many others. */
const restartShare = 0.3;
/** Without a death from outside only steps that kill the engine end a life; each can do so four times. */
const lastLivesMax = 60;

export interface Simulation {
  seed: number;
  error: Error | null;
  deaths: number;
  lives: number;
  calls: number;
  events: number;
  /** Of the trace, where there is one. */
  digest: string;
  tail: string[];
}

export async function simulate(options: WorldOptions): Promise<Simulation> {
  const world = new World(options);
  try {
    await live(world);
  } catch (error) {
    world.history.fail(error);
  }
  return {
    seed: options.seed,
    error: world.history.violation,
    deaths: world.deaths,
    lives: world.lives,
    calls: world.callsMade,
    events: world.agenda.eventsRun,
    digest: options.isTraced ? world.history.digest() : '',
    tail: world.history.tail,
  };
}

async function live(world: World): Promise<void> {
  const { swarm, history } = world;
  const dice = world.dice.fork();
  const clients = new Clients(world);
  const slots = new Slots(world, clients);
  const callsPerLife = Math.ceil(swarm.calls / (swarm.deaths + 1));
  for (let deathsLeft = swarm.deaths; deathsLeft > 0; deathsLeft -= 1) {
    if (swarm.deathWithinOperations !== null) world.disk.operationsLeft = 1 + dice.below(swarm.deathWithinOperations);
    if (await world.boot()) {
      await inspect(world, clients);
      slots.begin();
      await work(world, clients, callsPerLife, dice.chance(0.5) ? dice.random() * 2_000 : 30_000);
      if (!world.disk.isDead && dice.chance(swarm.closeShare) && (await world.close())) {
        clients.afterLife();
        continue;
      }
    }
    if (history.violation) return;
    world.die({ power: dice.chance(swarm.powerShare) });
    clients.afterLife();
    if (dice.chance(swarm.clockJumpShare)) world.agenda.jumpDays(dice.pick([-1, 1]));
    if (history.violation) return;
  }
  world.disk.operationsLeft = Number.POSITIVE_INFINITY;
  for (let livesLeft = lastLivesMax; ; livesLeft -= 1) {
    if (livesLeft === 0) throw new Violation('G15', `a step has taken the engine down ${lastLivesMax} times`);
    if (!(await world.boot())) return;
    await inspect(world, clients);
    slots.begin();
    await work(world, clients, livesLeft === lastLivesMax ? callsPerLife : 0, 20_000);
    if (!world.disk.isDead) break;
    world.die({ power: dice.chance(swarm.powerShare) });
    clients.afterLife();
  }
  slots.end();
  await calmDown(world, clients);
  if (dice.chance(restartShare)) await restartUnchanged(world, clients);
}

/** Clients make their calls, and some time passes after the last one. */
async function work(world: World, clients: Clients, calls: number, restMs: number): Promise<void> {
  let isOver = false;
  clients.resend();
  clients.begin(calls, () => {
    isOver = true;
  });
  await world.run(() => isOver);
  if (isOver && !world.disk.isDead) await world.pass(world.dice.random() * restMs);
}

/** Reads everything there is. */
async function inspect(world: World, clients: Clients): Promise<void> {
  const list = await clients.ask(clients.list());
  if (!list) return;
  for (const { id } of (list.answer as ListReply).items) await read(world, clients, id);
  const costs = world.isUp && (await world.life?.coordinator?.call('costs', { by: 'workflow' }));
  if (costs) world.history.tell((check) => check.costs?.(costs));
  world.readFiles();
}

async function read(world: World, clients: Clients, id: string): Promise<Workflow | null> {
  await clients.ask({ kind: 'get', id, args: { id, waitMs: 0, until: 'rest' }, mark: '' });
  return world.latest.get(id) ?? null;
}

/** G7: faults off, what is waited for comes, and all of it ends. */
async function calmDown(world: World, clients: Clients): Promise<void> {
  world.isCalm = true;
  const until = world.agenda.now + calmMsMax;
  for (;;) {
    const list = await clients.ask(clients.list());
    if (world.disk.isDead) throw new Violation('G7', 'the engine died although nothing has killed it');
    if (!list || world.history.violation) return;
    const unfinished: Workflow[] = [];
    for (const { id, status } of (list.answer as ListReply).items) {
      const workflow = isTerminal(status) ? null : await read(world, clients, id);
      if (workflow) unfinished.push(workflow);
    }
    // Attempts of a workflow that was stopped take a moment to end.
    const stats = await world.life?.coordinator?.call('stats', {});
    const isIdle = stats?.queue.running === 0 && stats.queue.depth === 0;
    if (stats && stats.set_aside > 0) throw new Violation('G1', `${stats.set_aside} workflows were set aside`);
    if (unfinished.length === 0 && clients.open === 0 && isIdle) break;
    if (world.agenda.now > until) {
      const queue = JSON.stringify(stats?.queue);
      throw new Violation('G7', `stuck: ${dump(unfinished)}, ${clients.open} calls open, queue ${queue}`);
    }
    for (const { id, steps } of unfinished) {
      for (const step of steps.filter(isWaitingExternal)) await clients.ask(clients.external(id, step.id));
      for (const step of steps.filter(isWaitingForEver)) await clients.ask(clients.decision(id, step.id));
    }
    await world.pass(5_000);
  }
  await inspect(world, clients);
  await tellCalm(world, clients);
  if (world.swarm.keepFinished !== null) await expectRemoved(world, clients, world.swarm.keepFinished);
}

/** For a decision that does not come by itself. */
function isWaitingForEver({ waits }: WorkflowStep): boolean {
  return waits?.for === 'decision' && waits.until === undefined;
}

async function tellCalm(world: World, clients: Clients): Promise<void> {
  const list = await clients.ask(clients.list());
  if (!list) return;
  const ids = new Set((list.answer as ListReply).items.map(({ id }) => id));
  const there = new Map([...world.latest].filter(([id]) => ids.has(id)));
  world.history.tell((check) => check.calm?.(there));
}

/** RT2: what is past the rule is gone soon, when nobody holds it. */
async function expectRemoved(world: World, clients: Clients, keep: KeepFinished): Promise<void> {
  await world.pass(2 * retentionMsMax);
  const list = await clients.ask(clients.list());
  if (!list || world.history.violation) return;
  // A child goes with its parent.
  const items = (list.answer as ListReply).items.filter(({ parentStepId }) => parentStepId === undefined);
  const past =
    'count' in keep
      ? items.slice(keep.count)
      : items.filter(({ updatedAt }) => Date.parse(updatedAt) < world.agenda.wall - keep.ageMs - retentionMsMax);
  if (past.length > 0)
    throw new Violation('RT2', `${past.length} of ${items.length} are past ${JSON.stringify(keep)} and still there`);
}

/** A stop and a start: the same documents, to the byte, and nothing runs. */
async function restartUnchanged(world: World, clients: Clients): Promise<void> {
  if (world.history.violation || !(await world.close()) || !(await world.boot())) return;
  await inspect(world, clients);
  if (world.history.violation) return;
  if (world.life?.coordinator?.parts.flights.count !== 0)
    throw new Violation('G4', 'after a clean restart something runs');
  await world.close();
}

function dump(workflows: readonly Workflow[]): string {
  return workflows
    .map(({ id, status, steps }) => `${id} ${status} [${steps.map((step) => `${step.id} ${step.status}`).join(', ')}]`)
    .join('; ');
}
