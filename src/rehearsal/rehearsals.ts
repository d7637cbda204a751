/**
 * Dry runs and validations for callers of an engine: on an engine of their own in a temporary directory, and in a thread of
 * their own, so that neither leaves anything behind nor holds up the calls of others.
 *
 *   RH1  no more than `limits.rehearsalsMax` are under way at once; another is refused (429);
 *   RH2  one that takes longer than `limits.rehearsalMsMax` is ended and refused; its place is free once it has ended;
 *   RH3  nothing of it reaches the data of the engine that was asked.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Piscina } from 'piscina';
import type { WorkflowDefinition } from '../contract/definition.ts';
import type { DryRunReply, ValidationReply } from '../contract/dry-run.ts';
import type { Engine } from '../contract/engine.ts';
import { Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import type { SecretHosts } from '../contract/secret-store.ts';
import type { EngineSettings } from '../contract/settings.ts';
import { isAtRest } from '../contract/workflow.ts';
import type { DefinitionText } from './check-thread.ts';
import { toDrySummary } from './dry-summary.ts';
import { withStepsBelow } from './family.ts';
import { findWanted, giveMadeUpData, withCalled } from './made-up.ts';

/** This file runs from source and from the build, and the thread's lies beside it. */
export const checkThreadUrl = new URL(
  `./check-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
);

export interface RehearsalsOptions {
  readonly settings: EngineSettings;
  /** Opens an engine for a dry run. */
  readonly open: (settings: EngineSettings) => Promise<Engine>;
  /** What a thread needs to run `checkThreadUrl`. */
  readonly execArgv: string[] | undefined;
  readonly deadlineMs?: number;
}

export interface RehearsedDefinition {
  readonly definition: WorkflowDefinition;
  readonly declaredParams?: readonly string[] | undefined;
}

export class Rehearsals {
  readonly #options: RehearsalsOptions;
  readonly #deadlineMs: number;
  #underWay = 0;
  #pool: Piscina<DefinitionText, ValidationReply> | null = null;
  readonly #ends = new Set<Promise<unknown>>();

  constructor(options: RehearsalsOptions) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs ?? limits.rehearsalMsMax;
  }

  /** What a run of the definition, which has been checked, would do. */
  dryRun(rehearsed: RehearsedDefinition): Promise<DryRunReply> {
    return this.#inTime('dry run', (signal) => this.#dryRun(rehearsed, signal));
  }

  /** Every fault of a text, YAML or JSON, of a definition or a template. */
  validate(text: string, secretStore: SecretHosts): Promise<ValidationReply> {
    return this.#inTime('check', async (signal) => {
      const { Piscina } = await import('piscina');
      const { execArgv, settings } = this.#options;
      this.#pool ??= new Piscina<DefinitionText, ValidationReply>({
        filename: checkThreadUrl.href,
        ...(execArgv ? { execArgv } : {}),
        env: {},
        minThreads: 0,
        maxThreads: limits.rehearsalsMax,
        idleTimeout: 10_000,
        atomics: 'disabled',
        resourceLimits: { maxOldGenerationSizeMb: 512 },
      });
      const allowUnknown = settings.unknownActions === 'simulate';
      // Names and hosts alone: no value of a secret is in that thread.
      const hosts = Object.entries(secretStore).map(([name, { hosts }]) => [name, { hosts: hosts && [...hosts] }]);
      const { templatesDir } = settings;
      return this.#pool.run({ text, allowUnknown, secretStore: Object.fromEntries(hosts), templatesDir }, { signal });
    });
  }

  /** Resolves when all have ended. */
  async close(): Promise<void> {
    await this.#pool?.destroy();
    await Promise.allSettled(this.#ends);
  }

  /** RH1, RH2. */
  async #inTime<T>(what: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#underWay >= limits.rehearsalsMax) {
      const detail = `${limits.rehearsalsMax} dry runs and checks are under way already: try again in a moment`;
      throw new Refusal({ code: 'TOO_MANY', detail, retryAfterSeconds: 2 });
    }
    this.#underWay += 1;
    const signal = AbortSignal.timeout(this.#deadlineMs);
    const ended = run(signal).finally(() => {
      this.#underWay -= 1;
      this.#ends.delete(ended);
    });
    this.#ends.add(ended);
    const late = new Promise<never>((_, reject) => {
      const seconds = this.#deadlineMs / 1_000;
      const wayOut = 'make the definition smaller, or use hybrid-engine run --dry-run and hybrid-engine validate';
      const refusal = new Refusal({
        code: 'TOO_MANY',
        detail: `The ${what} takes longer than ${seconds} s: ${wayOut}`,
      });
      signal.addEventListener('abort', () => reject(refusal), { once: true });
    });
    return Promise.race([ended, late]);
  }

  /** RH3. */
  async #dryRun({ definition, declaredParams }: RehearsedDefinition, signal: AbortSignal): Promise<DryRunReply> {
    const { settings, open } = this.#options;
    const dir = await mkdtemp(join(tmpdir(), 'hybrid-engine-'));
    try {
      const engine = await open({
        ...settings,
        workflowsDir: join(dir, 'workflows'),
        queueStateFile: join(dir, 'queue-state.json'),
        ownPort: null,
        logLevel: 'fatal',
        poolThreads: 1,
        simulationMs: 0,
        keepFinished: undefined,
        dryRun: { wanted: findWanted(await withCalled(definition, settings.templatesDir)) },
      });
      try {
        let at = await engine.submit(definition, { ...(declaredParams ? { declaredParams } : {}) });
        for (;;) {
          while (!isAtRest(at.status) && !signal.aborted) {
            at = await engine.get(at.id, { waitMs: this.#deadlineMs, signal });
          }
          if (signal.aborted || !(await giveMadeUpData(engine))) break;
          at = await engine.get(at.id);
        }
        return toDrySummary(await withStepsBelow(at.workflow, engine), settings.maxParallelNodes);
      } finally {
        await engine.close();
      }
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }
}
