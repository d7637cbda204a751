// Goal: no made-up request gets a server error, an undocumented answer, one that breaks its own schema, or none.
import { expect, it } from 'vitest';
import { FakeEngine } from '../fixtures/fake-engine.ts';
import { fuzzRoutes } from './route-fuzz.ts';
import { startServer } from './running-server.ts';

it('answers 1,000 made-up requests as the OpenAPI document says', async () => {
  const running = await startServer();
  const report = await fuzzRoutes(running.url, { count: 1_000 });
  expect(report.requests, `seed ${report.seed}`).toBe(1_000);
  const calls = Object.keys(report.answers);
  // Both sides of the guard, the parser and the engine were reached.
  for (const status of ['200', '201', '204', '400', '404', '409', '422']) {
    expect(
      calls.some((call) => call.endsWith(status)),
      `${status} in ${calls.join(', ')}`,
    ).toBe(true);
  }
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

it('fails on an engine that breaks, on one that hangs and on one that answers against its schema', async () => {
  class BrokenEngine extends FakeEngine {
    override async actions(): Promise<never> {
      throw new TypeError('broken');
    }
  }
  class HangingEngine extends FakeEngine {
    override async actions(): Promise<never> {
      return new Promise(() => {});
    }
  }
  class LyingEngine extends FakeEngine {
    override async actions() {
      return [
        { action: 'x', lane: 'io' as const, description: 'x', params: {}, secrets: 'none' as unknown as string[] },
      ];
    }
  }
  const fuzz = async (engine: FakeEngine, giveUpMs = 10_000) =>
    fuzzRoutes((await startServer({ engine })).url, { count: 500, seed: 1, giveUpMs });
  await expect(fuzz(new BrokenEngine())).rejects.toThrow(/GET \/api\/actions 500: is an error of the server/);
  await expect(fuzz(new HangingEngine(), 2_000)).rejects.toThrow(/GET \/api\/actions was not answered/);
  await expect(fuzz(new LyingEngine())).rejects.toThrow(/GET \/api\/actions 200: does not match its schema/);
});
