/**
 * Which faults a seed has, and how many of each. Every seed leaves some out: a fault that is always there hides what only
 * happens without it.
 */
import type { KeepFinished } from '../../src/contract/keep-finished.ts';
import type { TemplateSchedule } from '../../src/contract/schedule.ts';
import type { Dice } from './dice.ts';

export interface Swarm {
  /** Lives that end before the last one. */
  deaths: number;
  /** Share of deaths that take the power with them. */
  powerShare: number;
  /** Share of ends that are asked for, as SIGTERM does. */
  closeShare: number;
  /** A death comes within so many disk operations; null: at some moment. */
  deathWithinOperations: number | null;
  diskLatencyMs: number;
  shortWriteShare: number;
  checkpointBytes: number;
  maxParallelNodes: number;
  poolThreads: number;
  /** Fates of attempts, by weight. */
  fates: { complete: number; retryable: number; permanent: number; final: number; hang: number; lost: number };
  attemptMs: number;
  doubleOutcomeShare: number;
  /** Attempts that complete although they were cancelled. */
  lateCompleteShare: number;
  bigOutputShare: number;
  blobLikeShare: number;
  clockJumpShare: number;
  idleShare: number;
  /** Workflows with a step that takes the engine down while it runs. */
  killerShare: number;
  calls: number;
  /** How long a client thinks between two calls, at most. */
  thinkMs: number;
  keyShare: number;
  /** Acknowledged calls that are made again with the same key. */
  repeatShare: number;
  /** Unanswered calls that are made again in the next life. */
  retryShare: number;
  stepsMax: number;
  /** Workflows with conditions, groups, loops and waits. */
  flowShare: number;
  /** The engine removes finished workflows by itself; null: never. */
  keepFinished: KeepFinished | null;
  /** Workflows with steps that run workflows. */
  childShare: number;
  /** Steps that send a secret to another machine. */
  secretShare: number;
  /** A template runs by itself; null: none does. */
  schedule: Pick<TemplateSchedule, 'missed' | 'overlap' | 'window'> | null;
}

const minuteMs = 60 * 1000;

function drawKept(dice: Dice): KeepFinished | null {
  if (!dice.chance(0.25)) return null;
  return dice.chance(0.6)
    ? { count: dice.pick([0, 1, 2, 4]) }
    : { ageMs: dice.pick([minuteMs, 10 * minuteMs, 24 * 60 * minuteMs]) };
}

function drawSchedule(dice: Dice): Swarm['schedule'] {
  if (!dice.chance(0.25)) return null;
  return {
    missed: dice.pick(['skip', 'once', 'all']),
    overlap: dice.pick(['skip', 'queue', 'allow', 'replace']),
    window: dice.pick(['5m', '30m', '1h']),
  };
}

export function drawSwarm(dice: Dice): Swarm {
  const often = (share: number, on: number): number => (dice.chance(on) ? dice.random() * share : 0);
  const isKiller = dice.chance(0.06);
  return {
    deaths: isKiller ? dice.between(4, 6) : dice.between(0, 3),
    powerShare: dice.pick([0, 0.5, 0.5, 1]),
    closeShare: often(0.6, 0.4),
    deathWithinOperations: dice.pick([null, 30, 120, 400]),
    diskLatencyMs: dice.pick([0, 1, 1, 20, 300]),
    shortWriteShare: often(0.3, 0.3),
    checkpointBytes: dice.pick([1_000, 4_000, 4_000, 20_000, 8 * 1024 * 1024]),
    maxParallelNodes: dice.between(1, 5),
    poolThreads: dice.between(1, 3),
    fates: {
      complete: 10,
      retryable: often(5, 0.5),
      permanent: often(2, 0.4),
      final: often(2, 0.3),
      hang: often(2, 0.3),
      lost: often(3, 0.3),
    },
    attemptMs: dice.pick([0, 5, 50, 2_000]),
    doubleOutcomeShare: often(0.5, 0.3),
    lateCompleteShare: often(1, 0.6),
    bigOutputShare: often(0.15, 0.2),
    blobLikeShare: often(0.4, 0.3),
    clockJumpShare: often(0.2, 0.4),
    idleShare: often(0.1, 0.3),
    killerShare: isKiller ? 0.5 : 0,
    calls: dice.between(3, 16),
    thinkMs: dice.pick([0, 5, 100, 3_000]),
    keyShare: dice.pick([0, 0.5, 1]),
    repeatShare: often(0.4, 0.5),
    retryShare: dice.random(),
    stepsMax: dice.pick([1, 3, 6, 6, 12]),
    flowShare: dice.pick([0, 0, 0.5, 1]),
    keepFinished: drawKept(dice),
    childShare: dice.pick([0, 0, 0.5, 1]),
    secretShare: dice.pick([0, 0, 0.2, 0.5]),
    schedule: drawSchedule(dice),
  };
}
