/**
 * Checks the params of a run against its template's schema. A schema travels from hand to hand, and it can ask for work
 * without end: a pattern that tries all ways through a text, parts that refer to each other twice, lists whose items are
 * compared each with each. No such check runs on the caller's thread.
 *
 * Rules, numbered for tests:
 *   PC1  a schema without such parts is applied at once, while it and the params are small; any other in a thread of its own;
 *   PC2  a check that takes longer than its deadline is ended, with its thread, and the call is refused. The time
 *        counts from when the thread takes the check, and one that waits for another is not ended for it;
 *   PC3  no more than `waitingMax` checks wait.
 */
import type { Piscina } from 'piscina';
import type { Template, WorkflowDefinition } from '../contract/definition.ts';
import { Refusal } from '../contract/failures.ts';
import { instantiate, instantiateWith } from './instantiate.ts';
import type { CheckedParams, ParamsCheck } from './params-thread.ts';

/** This file runs from source and from the build, and the thread's lies beside it. */
export const paramsThreadUrl = new URL(
  `./params-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
);

const waitingMax = 16;
const heapMbMax = 128;
const idleMs = 10_000;
/** Length of the schema's text times that of the params: the check may apply each part to each value. */
const quickWorkMax = 10_000_000;
const slowKeywords = /"(?:pattern|patternProperties|format|uniqueItems|\$ref|\$dynamicRef|\$recursiveRef)":/;

export interface ParamsCheckerOptions {
  /** What a thread needs to run `paramsThreadUrl`. */
  readonly execArgv: string[] | undefined;
  readonly deadlineMs?: number;
}

export class ParamsChecker {
  readonly #execArgv: string[] | undefined;
  readonly #deadlineMs: number;
  #pool: Piscina<ParamsCheck, CheckedParams> | null = null;
  /** Settles when the last check that was asked for has ended. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor({ execArgv, deadlineMs = 10_000 }: ParamsCheckerOptions) {
    this.#execArgv = execArgv;
    this.#deadlineMs = deadlineMs;
  }

  /** As `instantiate`, which it refuses like; also refuses what takes too long. */
  async instantiate(template: Template, params: Record<string, unknown>): Promise<WorkflowDefinition> {
    const schema = template.params;
    if (schema === undefined || isQuick(schema, params)) return instantiate(template, params);
    if (this.#waiting >= waitingMax) {
      throw new Refusal({ code: 'BUSY', detail: `${waitingMax} checks of params wait for their turn; try again` });
    }
    this.#waiting += 1;
    const checked = this.#turn.then(() => this.#check(template, { schema, params }));
    this.#turn = checked.catch(() => undefined); // The caller has the error.
    try {
      return instantiateWith(template, await checked);
    } finally {
      this.#waiting -= 1;
    }
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
  }

  async #check({ id }: Template, check: ParamsCheck): Promise<CheckedParams> {
    const signal = AbortSignal.timeout(this.#deadlineMs);
    try {
      this.#pool ??= await this.#start();
      return await this.#pool.run(check, { signal });
    } catch (error) {
      const reason = signal.aborted ? `takes longer than ${this.#deadlineMs / 1000} s` : `ended: ${String(error)}`;
      const wayOut = 'give shorter params, or make its patterns, its $refs and its lists of unique items simpler';
      const detail = `The check of the params against the schema of template ${id} ${reason}; ${wayOut}`;
      throw new Refusal({ code: 'INVALID', detail });
    }
  }

  async #start(): Promise<Piscina<ParamsCheck, CheckedParams>> {
    const { Piscina } = await import('piscina');
    return new Piscina({
      filename: paramsThreadUrl.href,
      ...(this.#execArgv ? { execArgv: this.#execArgv } : {}),
      env: {},
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: idleMs,
      atomics: 'disabled',
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax },
    });
  }
}

function isQuick(schema: Record<string, unknown>, params: Record<string, unknown>): boolean {
  const text = JSON.stringify(schema);
  return !slowKeywords.test(text) && text.length * JSON.stringify(params).length <= quickWorkMax;
}
