/**
 * Goal: no request that can be made up hurts the engine behind the server. Method: 5,000 requests generated from the
 * OpenAPI document against the real engine on a real disk; `FUZZ_COUNT` raises the number.
 */
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { createEngine, version } from '../../src/main.ts';
import { createServer } from '../../src/server/server.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { fuzzRoutes } from './route-fuzz.ts';

const count = Number(process.env.FUZZ_COUNT ?? 5_000);

it('no made-up request gets a 5xx, a stack trace or no answer from the real engine', { timeout: 600_000 }, async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const faults: string[] = [];
  const engine = await createEngine({
    settings: { ...dir.settings, poolThreads: 1, logLevel: 'fatal', simulationMs: 1 },
    onFatal: (message) => faults.push(message),
  });
  onTestFinished(() => engine.close());
  const settings = { host: '127.0.0.1', port: 0, apiToken: null, allowedHosts: [], allowedOrigins: [] };
  const server = createServer({ engine, settings, log: pino({ level: 'silent' }), version });
  const { url } = await server.listen();
  onTestFinished(() => server.close());
  const report = await fuzzRoutes(url, { count });
  console.log(`fuzz seed ${report.seed}: ${report.requests} requests`);
  expect(report.requests).toBeGreaterThanOrEqual(count);
  // It reached the inside: workflows were made, and calls on them succeeded.
  expect(report.answers['POST /api/workflows 201']).toBeGreaterThan(0);
  expect(faults).toEqual([]);
});
