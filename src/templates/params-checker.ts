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
import { type FieldError, Refusal } from '../contract/failures.ts';
import { instantiate, instantiateWith } from './instantiate.ts';
import type { Checked, ParamsCheck } from './params-thread.ts';
import { isQuick } from './quick-check.ts';

/** This file runs from source and from the build, and the thread's lies beside it. */
export const paramsThreadUrl = new URL(
  `./params-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
);

const waitingMax = 16;
const heapMbMax = 128;
const idleMs = 10_000;

export interface ParamsCheckerOptions {
  /** What a thread needs to run `paramsThreadUrl`. */
  readonly execArgv: string[] | undefined;
  readonly deadlineMs?: number;
}

export class ParamsChecker {
  readonly #execArgv: string[] | undefined;
  readonly #deadlineMs: number;
  #pool: Piscina<ParamsCheck, Checked> | null = null;
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
    const what = `params against the schema of template ${template.id}`;
    return instantiateWith(template, await this.#inTurn(what, { schema, of: 'params', value: params }));
  }

  /** The data of a decision against its step's schema, which was never loaded before: it is read in the thread, too. */
  async checkData(schema: Record<string, unknown>, data: unknown): Promise<{ data: unknown; errors: FieldError[] }> {
    const { value, errors } = await this.#inTurn('data against the schema of the step', {
      schema,
      of: 'data',
      value: data,
    });
    return { data: value, errors };
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
  }

  /** PC2, PC3. */
  async #inTurn(what: string, check: ParamsCheck): Promise<Checked> {
    if (this.#waiting >= waitingMax) {
      throw new Refusal({ code: 'BUSY', detail: `${waitingMax} checks of params wait for their turn; try again` });
    }
    this.#waiting += 1;
    const checked = this.#turn.then(() => this.#check(what, check));
    this.#turn = checked.catch(() => undefined); // The caller has the error.
    try {
      return await checked;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #check(what: string, check: ParamsCheck): Promise<Checked> {
    const signal = AbortSignal.timeout(this.#deadlineMs);
    try {
      this.#pool ??= await this.#start();
      return await this.#pool.run(check, { signal });
    } catch (error) {
      const reason = signal.aborted ? `takes longer than ${this.#deadlineMs / 1000} s` : `ended: ${String(error)}`;
      const wayOut = `give shorter ${check.of}, or make its patterns, its $refs and its lists of unique items simpler`;
      throw new Refusal({ code: 'INVALID', detail: `The check of the ${what} ${reason}; ${wayOut}` });
    }
  }

  async #start(): Promise<Piscina<ParamsCheck, Checked>> {
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
