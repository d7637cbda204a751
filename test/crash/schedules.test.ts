/**
 * Goal: kill -9 at any moment, also between a slot and its workflow, leaves one workflow for each slot (SL1, SD1), over clocks
 * that are set back. Faults: SIGKILL of the whole process at seeded moments of a life. Method: a real engine in a process whose
 * schedule has a slot every 200 ms; at the end every minute has exactly one workflow. `CRASH_SCHEDULE_KILLS` raises the number of
 * kills, `CRASH_SEED` chooses the moments.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { emitted } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { reportFigures } from '../fixtures/figures.ts';
import type { SchedulesLife, SchedulesReport } from '../fixtures/schedules-child.ts';
import { createSeeded } from '../fixtures/seeded.ts';

const kills = Number(process.env.CRASH_SCHEDULE_KILLS ?? 6);
const seed = Number(process.env.CRASH_SEED ?? 1);
const minuteMs = 60_000;
const speed = 300;
const began = Date.UTC(2026, 0, 1, 12);
const lifeMsMax = 500;

const template = {
  id: 'digest',
  name: 'Digest',
  schedule: {
    cron: '* * * * *',
    timezone: 'UTC',
    params: { day: '{{slot}}' },
    missed: 'all',
    window: '1d',
    overlap: 'allow',
  },
  params: { type: 'object', properties: { day: { type: 'string' } } },
  steps: [{ id: 'a', action: 'noop' }],
};

/** The next message of the process. Rejects where it ends before. */
async function heard(child: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  const ended = once(child, 'exit', { signal }).then(([code, by]) => {
    throw new Error(`the process ended (${code ?? by}) before it answered`);
  });
  try {
    return (await Promise.race([once(child, 'message', { signal }), ended]))[0];
  } finally {
    ended.catch(() => undefined); // Nobody waits for it any more.
    over.abort();
  }
}

async function begin(life: SchedulesLife): Promise<ChildProcess> {
  const child = fork(emitted('test/fixtures/schedules-child.ts'));
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  child.send(life);
  await heard(child);
  return child;
}

async function report(child: ChildProcess): Promise<SchedulesReport> {
  child.send('report');
  return (await heard(child)) as SchedulesReport;
}

test(`after ${kills} deaths each slot has exactly one workflow`, async () => {
  const startedAt = performance.now();
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const { templatesDir } = dir.settings;
  fs.mkdirSync(templatesDir, { recursive: true });
  fs.writeFileSync(path.join(templatesDir, 'digest.json'), JSON.stringify(template));
  const dice = createSeeded(seed);
  const realBegan = Date.now();
  const life = (skewMs: number): SchedulesLife => ({ root: dir.root, began, realBegan, speed, skewMs });
  for (let kill = 0; kill < kills; kill += 1) {
    const child = await begin(life(dice() < 0.3 ? -3 * minuteMs : 0));
    await delay(dice() * lifeMsMax);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  const last = await begin(life(0));
  let seen = await report(last);
  const enough = Math.floor(seen.now / minuteMs) * minuteMs + 2 * minuteMs;
  while (Date.parse(seen.view?.last?.slot ?? '1970') < enough) {
    await delay(50);
    seen = await report(last);
  }
  const exited = once(last, 'exit');
  last.kill('SIGKILL');
  await exited;

  const times = seen.slots.map((slot) => Date.parse(slot));
  const [first = 0] = times;
  const every = Array.from({ length: ((times.at(-1) ?? 0) - first) / minuteMs + 1 }, (_, i) => first + i * minuteMs);
  expect(times).toEqual(every);
  expect(times.length).toBeGreaterThan(kills);
  expect(seen.view?.passed).toEqual([]);
  reportFigures('kills of schedules', startedAt, { cases: kills, repeatedSteps: 0, slots: times.length });
}, 600_000);
