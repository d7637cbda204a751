/**
 * Goal: dry runs and validations of an engine say what a run would do, leave nothing behind and hold nobody up. Method: a
 * real engine, and rehearsals whose engine the test holds.
 */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, onTestFinished, test } from 'vitest';
import { dryRunReplySchema, validationReplySchema } from '../../src/contract/dry-run.ts';
import type { Engine } from '../../src/contract/engine.ts';
import { Refusal } from '../../src/contract/failures.ts';
import { createEngine } from '../../src/main.ts';
import { toExecArgv } from '../../src/pool/source-loader.ts';
import { checkThreadUrl, Rehearsals } from '../../src/rehearsal/rehearsals.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';

async function open(): Promise<Engine> {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const engine = await createEngine({
    settings: { ...dir.settings, poolThreads: 1, logLevel: 'fatal' },
    ownThread: false,
  });
  onTestFinished(() => engine.close());
  return engine;
}

const temporary = () => readdirSync(tmpdir()).filter((name) => name.startsWith('hybrid-engine-'));

describe('of an engine', () => {
  test('RH3: a dry run says what a run would do, and no workflow comes of it', { timeout: 60_000 }, async () => {
    const engine = await open();
    const before = temporary();
    const reply = await engine.dryRun({
      name: 'Would',
      steps: [
        { id: 'get', action: 'http_request', params: { url: 'https://example.com/x' } },
        { id: 'page', action: 'external_data' },
        {
          id: 'use',
          action: 'text_keywords',
          dependencies: ['page', 'get'],
          params: { text: '{{steps.page.outputs.content}}' },
        },
      ],
    });
    expect(dryRunReplySchema.parse(reply)).toEqual(reply);
    expect(reply).toMatchObject({
      name: 'Would',
      status: 'COMPLETED',
      waves: [['get', 'page'], ['use']],
      models: { calls: 0 },
    });
    expect(reply.steps[0]?.would).toMatchObject({ kind: 'request', method: 'GET' });
    expect((await engine.list()).total).toBe(0);
    expect(temporary().filter((name) => !before.includes(name))).toEqual([]);
    await expect(engine.dryRun({ name: 'x', steps: [] })).rejects.toMatchObject({ code: 'INVALID' });
    const one = await engine.dryRunTemplate('noop', {});
    expect(one).toMatchObject({ name: 'Workflow from noop', status: 'COMPLETED' });
  });

  test('a validation names each fault with its place, also where the text cannot be read', {
    timeout: 60_000,
  }, async () => {
    const engine = await open();
    const yaml = 'name: Faulty\nsteps:\n  - id: a\n    action: noop\n    dependencies: [b]\n';
    const reply = await engine.validate(yaml);
    expect(validationReplySchema.parse(reply)).toEqual(reply);
    expect(reply.errors).toMatchObject([{ path: 'steps[0].dependencies[0]', line: 5, column: 20 }]);
    const broken = await engine.validate('{"name": "x", "steps": [');
    expect(broken.errors[0]).toMatchObject({ path: '', line: 1 });
    expect(await engine.validate(yaml.replace('[b]', '[]'))).toEqual({ errors: [], warnings: [] });
    const odd = await engine.validate('name: x\nsteps:\n  - id: a\n    action: nobody_knows\n');
    expect(odd.errors).toEqual([]);
    expect(odd.warnings.join()).toContain('nobody_knows');
  });
});

describe('bounds', () => {
  function held(deadlineMs = 60_000) {
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    const opened: { resolve(engine: Engine): void; reject(error: Error): void }[] = [];
    const settings = { ...dir.settings, maxParallelNodes: 4, unknownActions: 'simulate' } as never;
    const rehearsals = new Rehearsals({
      settings,
      open: () => new Promise((resolve, reject) => void opened.push({ resolve, reject })),
      execArgv: toExecArgv(checkThreadUrl),
      deadlineMs,
    });
    return { rehearsals, opened };
  }
  const definition = { name: 'x', steps: [{ id: 'a', action: 'noop' }] };

  test('RH1: two at once, and room again when one has ended, however it ended', async () => {
    const { rehearsals, opened } = held();
    const all = [1, 2].map(() => rehearsals.dryRun({ definition }).catch((error: unknown) => error));
    for (const run of [() => rehearsals.dryRun({ definition }), () => rehearsals.validate('{}', {})]) {
      const refusal = await run().catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(Refusal);
      expect(refusal).toMatchObject({ code: 'TOO_MANY', status: 429, retryAfterSeconds: 2 });
    }
    await expect.poll(() => opened.length).toBe(2);
    opened[0]?.reject(new Error('first'));
    expect(await Promise.race(all)).toMatchObject({ message: 'first' });
    const third = rehearsals.dryRun({ definition }).catch((error: unknown) => error);
    await expect.poll(() => opened.length).toBe(3);
    for (const { reject } of opened) reject(new Error('end'));
    expect(await third).toMatchObject({ message: 'end' });
    await Promise.all(all);
    await rehearsals.close();
  });

  test('RH2: one that takes too long is refused, and keeps its place until it has ended', async () => {
    const { rehearsals, opened } = held(20);
    const late = await rehearsals.dryRun({ definition }).catch((error: unknown) => error);
    expect(late).toMatchObject({ code: 'TOO_MANY', detail: expect.stringContaining('longer than 0.02 s') });
    await rehearsals.dryRun({ definition }).catch(() => undefined);
    expect(await rehearsals.dryRun({ definition }).catch((error: unknown) => error)).toMatchObject({
      detail: expect.stringContaining('under way already'),
    });
    await expect.poll(() => opened.length).toBe(2);
    for (const { reject } of opened) reject(new Error('end'));
    await rehearsals.close();
  });
});
