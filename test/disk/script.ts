/**
 * One client's day, as short as it can be and still touch every file the engine writes: outputs in the journal and in
 * blobs, keys, a checkpoint, a branch, a stop, a deletion. It keeps what it was told, to hold it against a later life.
 *
 * A call that is refused for want of room, or because the engine is busy, is made again under the same key.
 */

import type { Workflow } from '../../src/contract/workflow.ts';
import { type Engine, Refusal } from '../../src/main.ts';
import type { InlineEngine } from '../fixtures/inline-engine.ts';

export const large = 'large '.repeat(12_000);

/** What the engine has acknowledged to anybody. */
export class Acknowledged {
  readonly versions = new Map<string, number>();
  /** By workflow and step: outputs and attempt as first shown complete. */
  readonly results = new Map<string, string>();
  readonly keys = new Map<string, string>();
  readonly deleted = new Set<string>();
  /** Asked for, and perhaps never answered: both outcomes are right. */
  readonly perhapsDeleted = new Set<string>();
  answers = 0;

  reply({ id, version, json }: { id: string; version: number; json: string }, key?: string): void {
    this.answers += 1;
    this.versions.set(id, Math.max(version, this.versions.get(id) ?? 0));
    if (key !== undefined) this.keys.set(key, id);
    for (const step of (JSON.parse(json) as Workflow).steps) {
      if (step.status !== 'COMPLETED') continue;
      const shown = JSON.stringify([step.attempt, step.outputs]);
      const name = `${id}/${step.id}`;
      const before = this.results.get(name) ?? shown;
      if (before !== shown) throw new Error(`the result of ${name} changed from ${before} to ${shown}`);
      this.results.set(name, shown);
    }
  }

  /** A later life has all of it; returns what it lacks, in words. */
  async missingIn(engine: Engine): Promise<string[]> {
    const missing: string[] = [];
    for (const [id, version] of this.versions) {
      if (this.deleted.has(id)) {
        if ((await codeOf(engine.get(id))) !== 'NOT_FOUND') missing.push(`${id} was deleted and is there`);
        continue;
      }
      try {
        const reply = await engine.get(id);
        if (reply.version < version) missing.push(`${id}: version ${reply.version}, acknowledged ${version}`);
        for (const [name, shown] of this.results) {
          if (!name.startsWith(id)) continue;
          const step = reply.workflow.steps.find((each) => name === `${id}/${each.id}`);
          const found = JSON.stringify([step?.attempt, step?.outputs]);
          if (step?.status !== 'COMPLETED' || found !== shown) missing.push(`${name}: ${step?.status}, other result`);
        }
      } catch (error) {
        const isGone = error instanceof Refusal && error.code === 'NOT_FOUND';
        if (!isGone || !this.perhapsDeleted.has(id)) missing.push(`${id}: ${String(error)}`);
      }
    }
    return missing;
  }
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'answered',
    (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
  );
}

export interface ScriptOptions {
  /** Before a refused call is made again. */
  onRefused(refusal: Refusal): Promise<void>;
  /** Rejects when the engine cannot go on: no call is answered any more. */
  ended: Promise<never>;
}

/** A refusal that the script takes as the answer: the engine has lost a file it could not read. */
export class GaveUp extends Error {}

export class Script {
  readonly acknowledged: Acknowledged;
  readonly #life: Pick<InlineEngine, 'engine' | 'coordinator' | 'holds'>;
  readonly #options: ScriptOptions;
  refused = 0;

  constructor(life: Script['life'], options: ScriptOptions, acknowledged = new Acknowledged()) {
    this.#life = life;
    this.#options = options;
    this.acknowledged = acknowledged;
  }

  get life(): Pick<InlineEngine, 'engine' | 'coordinator' | 'holds'> {
    return this.#life;
  }

  /** Makes the call until it is answered. */
  async ask<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await Promise.race([call(), this.#options.ended]);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (error.status !== 507 && error.status !== 503) throw new GaveUp(error.message, { cause: error });
        if (error.retryAfterSeconds === undefined) throw new Error(`${error.status} without a Retry-After`);
        this.refused += 1;
        await this.#options.onRefused(error);
      }
    }
  }

  async create(key: string, definition: object): Promise<string> {
    const reply = await this.ask(() => this.#life.engine.submit(definition, { idempotencyKey: key }));
    this.acknowledged.reply(reply, key);
    return reply.id;
  }

  async finish(id: string): Promise<void> {
    this.acknowledged.reply(await this.ask(() => this.#life.engine.finished(id)));
  }

  async run(): Promise<void> {
    const { engine, coordinator, holds } = this.#life;
    const first = await this.create('first', {
      name: 'first',
      steps: [
        { id: 'big', action: 'render', params: { template: large } },
        { id: 'in', action: 'external_data' },
        {
          id: 'out',
          action: 'transform',
          dependencies: ['big', 'in'],
          params: { input: '{{steps.in.outputs.content}}{{steps.big.outputs.content}}', expression: '$length($)' },
        },
      ],
    });
    await this.ask(() =>
      engine.externalData(first, { step_id: 'in', content: large }, { idempotencyKey: 'first data' }),
    );
    await this.finish(first);
    await Promise.race([coordinator.parts.checkpoints.make(), this.#options.ended]);
    const held = await this.create('held', { name: 'held', steps: [holds.step('held')] });
    await Promise.race([holds.arrived('held'), this.#options.ended]);
    const stopped = await this.ask(() => engine.stop(held, { idempotencyKey: 'stop' }));
    this.acknowledged.reply(stopped);
    this.acknowledged.reply(await this.ask(() => engine.resume(held, { idempotencyKey: 'resume' })));
    await Promise.race([holds.arrived('held', 2), this.#options.ended]);
    holds.release('held');
    await this.finish(held);
    const branch = await this.ask(() => engine.branch(first, { stepId: 'out' }, { idempotencyKey: 'branch' }));
    this.acknowledged.reply(branch, 'branch');
    await this.finish(branch.id);
    await this.#delete(held);
    await Promise.race([coordinator.parts.checkpoints.make(), this.#options.ended]);
    await this.finish(await this.create('last', { name: 'last', steps: [{ id: 'a', action: 'noop' }] }));
  }

  /** It has no key: a second try may find the first one's work done. */
  async #delete(id: string): Promise<void> {
    let tries = 0;
    this.acknowledged.perhapsDeleted.add(id);
    await this.ask(async () => {
      tries += 1;
      try {
        await this.#life.engine.delete(id);
      } catch (error) {
        if (!(error instanceof Refusal && error.code === 'NOT_FOUND' && tries > 1)) throw error;
      }
    });
    this.acknowledged.answers += 1;
    this.acknowledged.deleted.add(id);
  }
}
