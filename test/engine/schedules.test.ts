/**
 * Goal: a slot of a schedule makes one workflow, or a line that says why not, whatever the clock and the process do.
 * Method: a fake clock tells the time; the coordinator, its journal and its files are real; a death is a copy of the
 * directory, taken while a file is written.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import type { ScheduleView, TemplateSchedule } from '../../src/contract/schedule.ts';
import { DiskFailedError, DiskFullError, OutOfHandlesError, type StorePort } from '../../src/contract/store.ts';
import type { ScheduleClock } from '../../src/engine/schedules.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { type InlineEngine, type InlineOptions, openInline } from '../fixtures/inline-engine.ts';
import { expectRefusal } from './running-engine.ts';

const hour = 3_600_000;
const minute = 60_000;
/** A Thursday; slots of the tests are at full hours. */
const noon = Date.UTC(2026, 0, 1, 12);

class FakeClock implements ScheduleClock {
  time: number;
  /** The last timer that was asked for. */
  timer_: { ms: number; run: () => void } | null = null;
  #onTimer: (() => void) | null = null;

  constructor(time: number) {
    this.time = time;
  }

  now(): number {
    return this.time;
  }

  timer(ms: number, run: () => void): () => void {
    const timer = { ms, run };
    this.timer_ = timer;
    this.#onTimer?.();
    return () => {
      if (this.timer_ === timer) this.timer_ = null;
    };
  }

  /** Resolves when a timer of this length has been asked for. */
  async armed(ms: number): Promise<void> {
    while (this.timer_?.ms !== ms) {
      await new Promise<void>((resolve) => {
        this.#onTimer = resolve;
      });
    }
  }
}

interface World extends InlineEngine {
  dir: EngineDir;
  clock: FakeClock;
  /** Sets the clock and looks at it. */
  at(time: number): Promise<void>;
  view(): Promise<ScheduleView>;
  /** The slots of the workflows of the schedule, oldest first. */
  slots(): Promise<string[]>;
}

const iso = (ms: number) => new Date(ms).toISOString();
const short = (slots: readonly string[]) => slots.map((slot) => slot.slice(11, 16));

function writeTemplate(dir: EngineDir, schedule: Partial<TemplateSchedule>, step?: object): void {
  const { templatesDir } = dir.settings;
  mkdirSync(templatesDir, { recursive: true });
  const template = {
    id: 'digest',
    name: 'Digest',
    schedule: { cron: '0 * * * *', timezone: 'UTC', params: { day: '{{slot}}' }, ...schedule },
    params: { type: 'object', properties: { day: { type: 'string' } }, required: ['day'] },
    steps: [step ?? { id: 'hold', action: 'hold', params: { name: 'work' } }],
  };
  writeFileSync(path.join(templatesDir, 'digest.json'), JSON.stringify(template));
}

async function open(dir: EngineDir, time: number, options: InlineOptions = {}): Promise<World> {
  const clock = new FakeClock(time);
  const inline = await openInline(dir, { ...options, scheduleClock: clock });
  onTestFinished(async () => {
    // What runs would be waited for.
    const closed = inline.engine.close();
    inline.holds.release('work');
    await closed;
  });
  await inline.engine.runSchedules();
  const { engine } = inline;
  return {
    ...inline,
    dir,
    clock,
    async at(later) {
      clock.time = later;
      await engine.runSchedules();
    },
    async view() {
      const [view] = await engine.schedules();
      if (view === undefined) throw new Error('no schedule');
      return view;
    },
    async slots() {
      const { items } = await engine.list();
      const days = await Promise.all(items.map(async ({ id }) => (await engine.get(id)).workflow.params.day as string));
      return days.sort();
    },
  };
}

async function start(
  schedule: Partial<TemplateSchedule> = {},
  options: InlineOptions = {},
  time = noon,
): Promise<World> {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  writeTemplate(dir, schedule);
  return open(dir, time, options);
}

/** The engine on a copy of the directory as it is now: what a SIGKILL leaves. */
async function afterDeath(world: { dir: EngineDir }, time: number, options?: InlineOptions): Promise<World> {
  const image = world.dir.crashImage();
  onTestFinished(() => image.remove());
  return open(image, time, options);
}

async function finish(world: World): Promise<void> {
  const { items } = await world.engine.list();
  for (const { id, status } of items) {
    if (status !== 'RUNNING' && status !== 'PENDING') continue;
    await world.holds.arrived('work', items.length);
    world.holds.release('work');
    await world.engine.finished(id);
  }
}

/** `why` by slot, oldest first. */
function passedOf(view: ScheduleView): string[] {
  return view.passed.map(({ slot, why }) => `${slot.slice(11, 16)} ${why}`).reverse();
}

describe('slots', () => {
  test('make one workflow each, with the slot in its params; the first after now', async () => {
    const world = await start({ overlap: 'allow' });
    expect(await world.view()).toMatchObject({ template: 'digest', next: iso(noon + hour), last: null, passed: [] });
    await world.at(noon + hour - 1);
    expect(await world.slots()).toEqual([]);
    await world.at(noon + hour);
    await world.at(noon + hour + 5_000);
    expect(await world.slots()).toEqual([iso(noon + hour)]);
    const view = await world.view();
    expect(view.last?.slot).toBe(iso(noon + hour));
    expect((await world.engine.get(view.last?.workflow_id ?? '')).workflow).toMatchObject({ templateId: 'digest' });
    await world.at(noon + 2 * hour);
    expect(await world.slots()).toEqual([iso(noon + hour), iso(noon + 2 * hour)]);
  });

  test('SD3: the timer ends at the next slot, or after half a minute', async () => {
    const world = await start();
    expect(world.clock.timer_?.ms).toBe(30_000);
    await world.at(noon + hour - 12_345);
    expect(world.clock.timer_?.ms).toBe(12_345);
    world.clock.time = noon + hour;
    world.clock.timer_?.run();
    await world.clock.armed(30_000);
    expect(await world.slots()).toEqual([iso(noon + hour)]);
  });

  test('a template that comes later, or changes, begins at now', async () => {
    const world = await start();
    await world.at(noon + 30 * minute);
    writeTemplate(world.dir, { cron: '15 * * * *' });
    await world.at(noon + 31 * minute);
    await world.at(noon + 40 * minute);
    expect([await world.slots(), (await world.view()).passed]).toEqual([[], []]);
    expect((await world.view()).next).toBe(iso(noon + 75 * minute));
    await world.at(noon + 75 * minute);
    expect(short(await world.slots())).toEqual(['13:15']);
  });

  test('none runs in a template that says enabled: false, and none that passed meanwhile afterwards', async () => {
    const world = await start({ enabled: false });
    await world.at(noon + hour);
    expect(await world.view()).toMatchObject({ enabled: false, next: null, paused: false });
    await world.engine.resumeSchedule('digest');
    await world.at(noon + 2 * hour);
    expect(await world.slots()).toEqual([]);
    writeTemplate(world.dir, { enabled: true });
    await world.at(noon + 2 * hour + minute);
    expect(await world.slots()).toEqual([]);
    await world.at(noon + 3 * hour);
    expect(short(await world.slots())).toEqual(['15:00']);
  });

  test('an engine that does not run schedules shows them and moves nothing', async () => {
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    writeTemplate(dir, {});
    const clock = new FakeClock(noon);
    const { engine } = await openInline(dir, { scheduleClock: clock });
    onTestFinished(() => engine.close());
    clock.time = noon + 3 * hour;
    expect(await engine.schedules()).toMatchObject([{ template: 'digest', next: iso(noon + 4 * hour), last: null }]);
    expect([clock.timer_, (await engine.list()).total]).toEqual([null, 0]);
  });

  test('the key of a slot begins with a blank, so no client can have it', async () => {
    const world = await start();
    await world.at(noon + hour);
    expect(world.dir.journalText()).toContain(`" schedule/digest/${iso(noon + hour)}"`);
  });
});

describe('after a downtime', () => {
  test.each([
    ['skip', [], ['13:00 missed', '14:00 missed', '15:00 missed', '16:00 missed']],
    ['once', ['16:00'], ['13:00 missed', '14:00 missed', '15:00 missed']],
    ['all', ['15:00', '16:00'], ['13:00 missed', '14:00 missed']],
  ] as const)('missed: %s runs %j within the window', async (missed, run, passed) => {
    const world = await start({ missed, window: '90m', overlap: 'allow' });
    const later = await afterDeath(world, noon + 4 * hour + 20 * minute);
    expect(short(await later.slots())).toEqual(run);
    expect(passedOf(await later.view())).toEqual(passed);
    // Nothing of it is decided again.
    const again = await afterDeath(later, noon + 4 * hour + 21 * minute);
    expect([short(await again.slots()), passedOf(await again.view())]).toEqual([run, passed]);
  });

  test('SD2: missed: all runs one after the other where they may not run at once', async () => {
    const world = await start({ missed: 'all', window: '1d' });
    await world.at(noon + 3 * hour + 20 * minute);
    expect(short(await world.slots())).toEqual(['13:00']);
    expect(short((await world.view()).queued)).toEqual(['14:00', '15:00']);
    for (const slots of [
      ['13:00', '14:00'],
      ['13:00', '14:00', '15:00'],
    ]) {
      await finish(world);
      await world.at(noon + 3 * hour + 21 * minute);
      expect(short(await world.slots())).toEqual(slots);
    }
    expect((await world.view()).passed).toEqual([]);
  });

  test('a year of minutes is decided at once, and the latest hundred are shown', async () => {
    const world = await start({ cron: '* * * * *' });
    await world.at(noon + 365 * 24 * hour + 30_000);
    expect(await world.slots()).toHaveLength(1);
    expect((await world.view()).passed).toHaveLength(99);
  });
});

describe('a clock that jumps', () => {
  test('back: no slot runs twice, and the cursor stays', async () => {
    const world = await start({ overlap: 'allow' });
    await world.at(noon + 3 * hour);
    await world.at(noon + 30 * minute);
    await world.at(noon + hour);
    expect(short(await world.slots())).toEqual(['15:00']);
    const view = await world.view();
    expect(view.next).toBe(iso(noon + 4 * hour));
    expect(view.notice).toContain('has decided all slots up to 2026-01-01T15:00:00.000Z');
    expect((await world.engine.health()).notices).toEqual([view.notice]);
    // Also for an engine that has lost the file: the workflows know.
    const later = await (async () => {
      const image = world.dir.crashImage();
      onTestFinished(() => image.remove());
      rmSync(path.join(image.workflowsDir, '.engine', 'schedules.json'));
      return open(image, noon + 2 * hour);
    })();
    await later.at(noon + 3 * hour);
    expect(short(await later.slots())).toEqual(['15:00']);
  });

  test('back, and the schedule changes: still none runs that was decided', async () => {
    const world = await start({ overlap: 'allow' });
    await world.at(noon + 3 * hour);
    writeTemplate(world.dir, { cron: '0,30 * * * *', overlap: 'allow' });
    await world.at(noon + hour);
    await world.at(noon + 2 * hour);
    expect(short(await world.slots())).toEqual(['15:00']);
    await world.at(noon + 3 * hour + 30 * minute);
    expect(short(await world.slots())).toEqual(['15:00', '15:30']);
  });

  test('forward: as a downtime', async () => {
    const world = await start({ missed: 'skip' });
    await world.at(noon + 2 * hour + 10 * minute);
    expect(passedOf(await world.view())).toEqual(['13:00 missed', '14:00 missed']);
    expect(await world.slots()).toEqual([]);
  });

  test('over the hour that is repeated in autumn', async () => {
    const before = Date.UTC(2026, 9, 24, 12);
    const world = await start({ cron: '30 2 * * *', timezone: 'Europe/Berlin', overlap: 'allow' }, {}, before);
    for (let time = before; time < before + 24 * hour; time += 30 * minute) await world.at(time);
    expect(await world.slots()).toEqual(['2026-10-25T00:30:00.000Z']);
  });
});

describe('G22: a death', () => {
  const killAt = (when: 'before' | 'after') => {
    const images: EngineDir[] = [];
    const wrapStore = (store: StorePort): StorePort =>
      new Proxy(store, {
        get(target, name) {
          const value = Reflect.get(target, name) as unknown;
          if (name !== 'writeSchedules') return typeof value === 'function' ? value.bind(target) : value;
          return async (json: string) => {
            if (when === 'before' && dir !== null) images.push(dir.crashImage());
            await target.writeSchedules(json);
            if (when === 'after' && dir !== null) images.push(dir.crashImage());
          };
        },
      });
    let dir: EngineDir | null = null;
    const from = (world: World): void => {
      dir = world.dir;
    };
    return { images, wrapStore, from };
  };

  test.each(['before', 'after'] as const)('%s the file is written leaves one workflow for the slot', async (when) => {
    const kill = killAt(when);
    const world = await start({ missed: 'skip', overlap: 'allow' }, { wrapStore: kill.wrapStore });
    kill.from(world);
    await world.at(noon + hour);
    const [image] = kill.images;
    if (image === undefined) throw new Error('nothing was written');
    onTestFinished(() => image.remove());
    // Whatever became of the template's params since.
    writeTemplate(image, { missed: 'skip', overlap: 'allow', params: { day: 'other {{slot}}' } });
    const later = await open(image, noon + hour + 20 * minute);
    expect(await later.slots()).toEqual([iso(noon + hour)]);
    const view = await later.view();
    expect([view.last?.slot, view.passed]).toEqual([iso(noon + hour), []]);
    await later.at(noon + 2 * hour);
    expect(short((await later.slots()).map((day) => day.replace('other ', '')))).toEqual(['13:00', '14:00']);
  });

  test('while a slot waits starts it once', async () => {
    const kill = killAt('before');
    const world = await start({ overlap: 'queue' }, { wrapStore: kill.wrapStore });
    await world.at(noon + hour);
    await world.at(noon + 2 * hour);
    kill.from(world);
    await finish(world);
    await world.at(noon + 2 * hour + minute);
    const [image] = kill.images;
    if (image === undefined) throw new Error('nothing was written');
    onTestFinished(() => image.remove());
    const later = await open(image, noon + 2 * hour + 2 * minute);
    expect(short(await later.slots())).toEqual(['13:00', '14:00']);
    await later.holds.arrived('work');
    later.holds.release('work');
    await later.engine.finished(
      (await later.engine.list()).items.find(({ status }) => status !== 'COMPLETED')?.id ?? '',
    );
    await later.at(noon + 2 * hour + 3 * minute);
    expect(short(await later.slots())).toEqual(['13:00', '14:00']);
    expect((await later.view()).queued).toEqual([]);
  });

  test('a full disk leaves the slot undecided, and it makes one workflow when there is room', async () => {
    let isFull = false;
    const wrapStore = (store: StorePort): StorePort =>
      new Proxy(store, {
        get(target, name) {
          const value = Reflect.get(target, name) as unknown;
          if (name === 'writeSchedules' && isFull) return async () => Promise.reject(new DiskFullError('full'));
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    const world = await start({ overlap: 'allow' }, { wrapStore });
    isFull = true;
    await world.at(noon + hour);
    expect(world.clock.timer_?.ms).toBe(5_000);
    expect((await world.view()).last).toBeNull();
    await expectRefusal(world.engine.pauseSchedule('digest'), 'DISK_FULL', /full/);
    expect((await world.view()).paused).toBe(false);
    isFull = false;
    await world.at(noon + hour + 5_000);
    expect(await world.slots()).toEqual([iso(noon + hour)]);
    expect((await world.view()).last?.slot).toBe(iso(noon + hour));
  });

  const failing = (broken: { write: Error | null; read: Error | null }) => (store: StorePort) =>
    new Proxy(store, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        const error = name === 'writeSchedules' ? broken.write : name === 'readSchedules' ? broken.read : null;
        if (error !== null) return () => Promise.reject(error);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });

  test('a disk that fails under the file ends the engine; the slot has its workflow, and the next life makes no other', async () => {
    const broken: { write: Error | null; read: Error | null } = { write: null, read: null };
    const world = await start({ overlap: 'allow' }, { wrapStore: failing(broken) });
    broken.write = new DiskFailedError('EIO');
    await world.at(noon + hour);
    expect(world.exitStatuses).toEqual([74]);
    const later = await afterDeath(world, noon + hour + minute);
    expect(await later.slots()).toEqual([iso(noon + hour)]);
    expect((await later.view()).last?.slot).toBe(iso(noon + hour));
  });

  test('while the file cannot be read no slot runs; then those that are due do', async () => {
    const first = await start({ overlap: 'allow' });
    const image = first.dir.crashImage();
    onTestFinished(() => image.remove());
    const broken = { write: null as Error | null, read: new OutOfHandlesError('EMFILE') as Error | null };
    const world = await open(image, noon + hour, { wrapStore: failing(broken) });
    expect([await world.slots(), world.clock.timer_?.ms, world.fatal]).toEqual([[], 5_000, []]);
    broken.read = null;
    await world.at(noon + hour + 5_000);
    expect(await world.slots()).toEqual([iso(noon + hour)]);
  });

  test('SL2: a slot that is refused for now stays due, and runs when there is room', async () => {
    let isFull = true;
    const world = await start({ overlap: 'allow' });
    const { coordinator } = world;
    const submit = coordinator.call.bind(coordinator);
    coordinator.call = ((name, args, signal) => {
      const isRefused = isFull && name === 'submit';
      return isRefused
        ? Promise.reject(new Refusal({ code: 'DISK_FULL', detail: 'full' }))
        : submit(name, args, signal);
    }) as typeof coordinator.call;
    await world.at(noon + hour);
    expect([await world.slots(), (await world.view()).passed, world.clock.timer_?.ms]).toEqual([[], [], 5_000]);
    isFull = false;
    await world.at(noon + hour + 5_000);
    expect(await world.slots()).toEqual([iso(noon + hour)]);
  });

  test('a file that is not what the engine wrote is set aside, and health says so', async () => {
    const world = await start();
    const image = world.dir.crashImage();
    onTestFinished(() => image.remove());
    writeFileSync(
      path.join(image.workflowsDir, '.engine', 'schedules.json'),
      '{"version":1,"schedules":{"digest":{}}}',
    );
    const later = await open(image, noon + 5 * hour + minute);
    expect(await later.view()).toMatchObject({ next: iso(noon + 6 * hour), passed: [] });
    expect((await later.engine.health()).notices).toEqual([expect.stringMatching(/every schedule begins at now/)]);
    expect(image.quarantined()).toEqual([expect.stringContaining('schedules.json')]);
  });
});

describe('while a workflow of the schedule is not finished', () => {
  test('skip leaves the slot out', async () => {
    const world = await start();
    await world.at(noon + hour);
    await world.at(noon + 2 * hour);
    expect(short(await world.slots())).toEqual(['13:00']);
    expect(passedOf(await world.view())).toEqual(['14:00 overlap']);
    await finish(world);
    await world.at(noon + 3 * hour);
    expect(short(await world.slots())).toEqual(['13:00', '15:00']);
  });

  test('workflows of others, and of the template by hand, do not count', async () => {
    const world = await start();
    await world.engine.submitTemplate('digest', { day: 'by hand' }, { idempotencyKey: 'schedule/digest/x' });
    await world.at(noon + hour);
    expect((await world.slots()).length).toBe(2);
  });

  test('queue keeps one, and starts it when the other has finished', async () => {
    const world = await start({ overlap: 'queue' });
    await world.at(noon + hour);
    await world.at(noon + 2 * hour);
    await world.at(noon + 3 * hour);
    expect(short(await world.slots())).toEqual(['13:00']);
    const view = await world.view();
    expect([short(view.queued), passedOf(view)]).toEqual([['14:00'], ['15:00 overlap']]);
    const woken = world.clock.armed(0);
    await finish(world);
    await woken;
    await world.at(noon + 3 * hour + minute);
    expect(short(await world.slots())).toEqual(['13:00', '14:00']);
  });

  test('allow starts beside it', async () => {
    const world = await start({ overlap: 'allow' });
    await world.at(noon + hour);
    await world.at(noon + 2 * hour);
    expect(short(await world.slots())).toEqual(['13:00', '14:00']);
    expect((await world.engine.list()).items.map(({ status }) => status)).not.toContain('STOPPED');
  });

  test('replace stops it first', async () => {
    const world = await start({ overlap: 'replace' });
    await world.at(noon + hour);
    const first = (await world.view()).last?.workflow_id ?? '';
    await world.at(noon + 2 * hour);
    expect(short(await world.slots())).toEqual(['13:00', '14:00']);
    expect((await world.engine.get(first)).status).toBe('STOPPED');
    expect((await world.engine.get((await world.view()).last?.workflow_id ?? '')).status).not.toBe('STOPPED');
  });
});

describe('clients', () => {
  test('pause: slots pass and say so, over a death; resume goes on with the next', async () => {
    const world = await start();
    expect(await world.engine.pauseSchedule('digest')).toMatchObject({ paused: true, next: null });
    await world.at(noon + hour);
    const later = await afterDeath(world, noon + 2 * hour);
    expect(passedOf(await later.view())).toEqual(['13:00 paused', '14:00 paused']);
    later.clock.time = noon + 3 * hour;
    expect(await later.engine.resumeSchedule('digest')).toMatchObject({ paused: false, next: iso(noon + 4 * hour) });
    await later.at(noon + 3 * hour + 1);
    expect(await later.slots()).toEqual([]);
    await later.at(noon + 4 * hour);
    expect(short(await later.slots())).toEqual(['16:00']);
  });

  test('trigger makes a workflow of its own slot, also while it is paused, and honours overlap', async () => {
    const world = await start();
    await world.engine.pauseSchedule('digest');
    world.clock.time = noon + 123;
    const reply = await world.engine.triggerSchedule('digest');
    expect(reply).toEqual({
      template: 'digest',
      slot: iso(noon + 123),
      workflow_id: expect.any(String),
      queued: false,
    });
    expect(await world.slots()).toEqual([iso(noon + 123)]);
    world.clock.time += 1;
    await expectRefusal(world.engine.triggerSchedule('digest'), 'CONFLICT', /not finished.*its overlap is "skip"/);
    writeTemplate(world.dir, { overlap: 'queue' });
    world.clock.time = noon + 456;
    expect(await world.engine.triggerSchedule('digest')).toMatchObject({ queued: true, workflow_id: null });
    await world.at(noon + 500);
    await finish(world);
    await world.at(noon + 600);
    expect(await world.slots()).toEqual([iso(noon + 123), iso(noon + 456)]);
  });

  test('trigger at the time of a slot leaves the slot its own workflow', async () => {
    const world = await start({ overlap: 'allow' });
    world.clock.time = noon + hour;
    await world.engine.triggerSchedule('digest');
    await world.at(noon + hour);
    expect(await world.slots()).toEqual([iso(noon + hour), iso(noon + hour)]);
  });

  test('the same key gives the same answer and one effect, over a death', async () => {
    const world = await start({ overlap: 'allow' });
    const first = await world.engine.triggerSchedule('digest', { idempotencyKey: 'k' });
    world.clock.time += 1_000;
    const again = await world.engine.triggerSchedule('digest', { idempotencyKey: 'k' });
    expect([again, first.replayed, again.replayed]).toEqual([first, false, true]);
    await world.engine.pauseSchedule('digest', { idempotencyKey: 'k' });
    await world.engine.resumeSchedule('digest');
    expect((await world.engine.pauseSchedule('digest', { idempotencyKey: 'k' })).paused).toBe(false);
    const later = await afterDeath(world, noon + minute);
    expect(await later.engine.triggerSchedule('digest', { idempotencyKey: 'k' })).toEqual(first);
    expect(await later.slots()).toHaveLength(1);
  });

  test('what has no schedule is 404', async () => {
    const world = await start();
    for (const call of ['pauseSchedule', 'resumeSchedule', 'triggerSchedule'] as const) {
      await expectRefusal(world.engine[call]('other'), 'NOT_FOUND', /no template "other" with a schedule/);
    }
  });
});

describe('a template', () => {
  const file = (dir: EngineDir) => path.join(dir.settings.templatesDir, 'digest.json');

  test('that is gone or broken pauses its schedule, and health says so; mended, it goes on at now', async () => {
    const world = await start();
    writeFileSync(file(world.dir), readFileSync(file(world.dir), 'utf8').replace('"UTC"', '"UCT0"'));
    await world.at(noon + hour);
    const broken = 'The schedule of template "digest" is paused: the template\'s file has a fault';
    expect(await world.view()).toMatchObject({ paused: true, next: null, notice: broken });
    expect((await world.engine.health()).notices).toEqual([broken]);
    rmSync(file(world.dir));
    await world.at(noon + hour + minute);
    expect((await world.engine.health()).notices).toEqual([expect.stringContaining('file is gone')]);
    writeTemplate(world.dir, {});
    await world.at(noon + hour + 2 * minute);
    expect(await world.slots()).toEqual([]);
    expect(await world.view()).toMatchObject({ paused: false, next: iso(noon + 2 * hour) });
    expect(passedOf(await world.view())).toEqual(['13:00 paused']);
    expect((await world.engine.health()).notices).toEqual([]);
    await world.at(noon + 2 * hour);
    expect(short(await world.slots())).toEqual(['14:00']);
  });

  test('whose schedule is taken out is forgotten at once, one that is gone after a week', async () => {
    const world = await start();
    writeFileSync(file(world.dir), readFileSync(file(world.dir), 'utf8').replace('"schedule"', '"x-schedule"'));
    await world.at(noon + minute);
    expect(await world.engine.schedules()).toEqual([]);
    writeTemplate(world.dir, {});
    await world.at(noon + 2 * minute);
    rmSync(file(world.dir));
    await world.at(noon + 3 * minute);
    expect(await world.engine.schedules()).toHaveLength(1);
    await world.at(noon + 7 * 24 * hour + 4 * minute);
    expect(await world.engine.schedules()).toEqual([]);
  });

  test('SL2: that cannot run lets the slot pass, with what is wrong', async () => {
    const world = await start({ params: { day: '{{slot}}' } });
    const text = readFileSync(file(world.dir), 'utf8').replace('"name":"work"', '"name":"{{params.none}}"');
    writeFileSync(file(world.dir), text);
    await world.at(noon + hour);
    const view = await world.view();
    expect(view.passed).toMatchObject([{ why: 'refused', detail: expect.stringContaining('not valid') }]);
    expect(view.notice).toContain('slot 2026-01-01T13:00:00.000Z was refused');
    expect(await world.slots()).toEqual([]);
  });
});
