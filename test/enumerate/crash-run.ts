/**
 * One death of one scenario: after its n-th point, with one of the outcomes that the disk may have; where asked for, a
 * second one inside the recovery that follows. Then everything must be there, and come to its end.
 */
import { scenarios } from './scenarios.ts';
import { Died, Script } from './script.ts';

export interface Crash {
  readonly scenario: string;
  /** Which of the scenario's points, from 0. */
  readonly point: number;
  /** 0: the process is killed. Others: the power is cut, and the disk keeps this or that of what was not synced. */
  readonly outcome: number;
  /** Which point of the recovery, from 0; null: nothing befalls it. */
  readonly second: number | null;
}

export interface CrashResult {
  readonly error: Error | null;
  /** Of the recovery after the first death. */
  readonly recoveryPoints: readonly number[];
}

class History {
  readonly script: Script;
  readonly #name: string;
  readonly #power: boolean;

  /** An outcome has a history of its own: the same draws decide about time, and about what the disk keeps. */
  constructor(name: string, outcome: number) {
    const scenario = scenarios[name];
    if (!scenario) throw new Error(`There is no scenario "${name}": ${Object.keys(scenarios).join(', ')}`);
    this.script = new Script(outcome + 1, scenario.swarm ?? {});
    this.#name = name;
    this.#power = outcome > 0;
  }

  /** Up to its end; returns the points in it. */
  async tell(): Promise<readonly number[]> {
    const { script } = this;
    const scenario = scenarios[this.#name];
    await script.boot();
    const from = scenario?.withFirstStart ? 0 : script.points.length;
    await scenario?.tell(script);
    return script.points.slice(from);
  }

  /** Up to its death behind this operation. */
  async tellUntil(operation: number): Promise<void> {
    await this.#dieBehind(operation, () => this.tell());
  }

  /** A start; with `operation` it dies behind it. Returns the points in it. */
  async recover(operation: number | null): Promise<readonly number[]> {
    const { script } = this;
    const from = script.points.length;
    if (operation === null) await script.boot();
    else await this.#dieBehind(operation, () => script.boot());
    return script.points.slice(from);
  }

  async #dieBehind(operation: number, work: () => Promise<unknown>): Promise<void> {
    const { script } = this;
    script.dieAfter(operation);
    try {
      // What was told may be over before the engine turns to the disk again.
      await work();
    } catch (error) {
      if (!(error instanceof Died)) throw error;
    }
    if (script.points.at(-1) !== operation)
      throw new Error(`The history is another one: the last operation is ${script.points.at(-1)}, not ${operation}`);
    script.dieAfter(null);
    script.die({ power: this.#power });
  }
}

export async function findPoints(scenario: string, outcome: number): Promise<readonly number[]> {
  return new History(scenario, outcome).tell();
}

/** `operation`: of the point; `secondOperation`: of the point in the recovery. */
export async function runCrash(
  { scenario, outcome }: Pick<Crash, 'scenario' | 'outcome'>,
  operation: number,
  secondOperation: number | null = null,
): Promise<CrashResult> {
  const history = new History(scenario, outcome);
  const { script } = history;
  let recoveryPoints: readonly number[] = [];
  try {
    await history.tellUntil(operation);
    recoveryPoints = await history.recover(secondOperation);
    if (secondOperation !== null) await history.recover(null);
    await script.askAgain();
    await script.finish();
    return { error: null, recoveryPoints };
  } catch (error) {
    return { error: error as Error, recoveryPoints };
  }
}

/** The one that a command names. */
export async function repeatCrash(crash: Crash): Promise<CrashResult> {
  const operation = at(await findPoints(crash.scenario, crash.outcome), crash.point, 'point');
  if (crash.second === null) return runCrash(crash, operation);
  const { recoveryPoints } = await runCrash(crash, operation);
  return runCrash(crash, operation, at(recoveryPoints, crash.second, 'second'));
}

function at(points: readonly number[], index: number, name: string): number {
  const operation = points[index];
  if (operation === undefined) throw new Error(`--${name} ${index}: there are ${points.length}, counted from 0`);
  return operation;
}

export function commandOf({ scenario, point, outcome, second }: Crash): string {
  const rest = second === null ? '' : ` --second ${second}`;
  return `npx tsx test/enumerate/run.ts --scenario ${scenario} --point ${point} --outcome ${outcome}${rest}`;
}
