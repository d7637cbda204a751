/**
 * The schedules of templates: which slots are due, and what clients ask of them. `serve` alone runs them. The workflow of
 * a slot, found by its key, is the truth; the file only says which slots are decided and which passed without one.
 *
 * Rules, numbered for tests:
 *   SD1  the cursor, the last slot that is decided, never falls; a new or changed schedule begins at now;
 *   SD2  slots of a schedule are decided in order, one at a time;
 *   SD3  the clock is looked at again after `lookMs` at the latest, as it may jump.
 */
import type { CoordinatorPort } from '../contract/coordinator.ts';
import type { Template, TemplateProblem } from '../contract/definition.ts';
import type { CallOptions } from '../contract/engine.ts';
import { Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import type { Replayable, ScheduleRecord, ScheduleView, TemplateSchedule, TriggerReply } from '../contract/schedule.ts';
import { nextSlot, slotsBetween } from '../core/cron.ts';
import { decideDue } from '../core/due-slots.ts';
import { toIso } from '../core/time.ts';
import { toClaim } from './arguments.ts';
import { passPaused, ScheduleBook, toCurrent, toMs, withPassed } from './schedule-book.ts';
import { type Missing, toNotice, toView } from './schedule-view.ts';
import { type SlotEntry, SlotRuns, type SlotRunsParts } from './slot-runs.ts';

const lookMs = 30_000;
const retryMs = 5_000;
/** A schedule whose template has been gone for so long is forgotten. */
const forgetMs = 7 * 86_400_000;

export interface ScheduleClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Returns how to end it. It keeps no process alive. */
  timer(ms: number, run: () => void): () => void;
}

export interface SchedulesParts extends SlotRunsParts {
  coordinator: Pick<CoordinatorPort, 'call'>;
  templates: { list(): Promise<Template[]>; problems(): Promise<Pick<TemplateProblem, 'ids'>[]> };
  /** Resolves when the workflow has come to its end. */
  finished(workflowId: string, signal: AbortSignal): Promise<unknown>;
  clock?: ScheduleClock | undefined;
}

const systemClock: ScheduleClock = {
  now: () => Date.now(),
  timer(ms, run) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};

interface Scheduled {
  readonly template: string;
  readonly schedule: TemplateSchedule;
}

interface Survey {
  readonly scheduled: readonly Scheduled[];
  readonly records: ReadonlyMap<string, ScheduleRecord>;
  /** Ids of templates that can be used. */
  readonly known: ReadonlySet<string>;
  missingOf(id: string): Missing | null;
}

export class Schedules {
  readonly #parts: SchedulesParts;
  readonly #clock: ScheduleClock;
  readonly #book: ScheduleBook;
  readonly #runs: SlotRuns;
  readonly #closing = new AbortController();
  /** Workflows whose end is waited for. */
  readonly #awaited = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();
  #isRunning = false;
  #cancelTimer: () => void = () => undefined;

  constructor(parts: SchedulesParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#book = new ScheduleBook(parts.coordinator);
    this.#runs = new SlotRuns(parts);
  }

  /** Runs slots from now on. Resolves when those that passed before are decided. */
  async run(): Promise<void> {
    this.#isRunning = true;
    await this.#look();
  }

  async list(): Promise<ScheduleView[]> {
    const { scheduled, records, missingOf } = await this.#survey();
    const now = this.#clock.now();
    const present = scheduled.map(({ template, schedule }) =>
      toView(template, toCurrent(records.get(template), schedule, now), null, now),
    );
    const gone = [...records].flatMap(([template, record]) => {
      const missing = missingOf(template);
      return missing === null ? [] : [toView(template, record, missing, now)];
    });
    return [...present, ...gone].sort((a, b) => (a.template < b.template ? -1 : 1));
  }

  /** For health: schedules that do not run though they should. Asks nobody for what has not been read: health is cheap. */
  async notices(): Promise<string[]> {
    if (!this.#book.isRead) return [];
    const { records, missingOf } = await this.#survey();
    const now = this.#clock.now();
    return [...records].flatMap(([template, record]) => toNotice(template, record, missingOf(template), now) ?? []);
  }

  /** Slots pass until it is resumed. Rejects with NOT_FOUND where the template has no schedule. */
  pause(template: string, options: CallOptions): Promise<Replayable<ScheduleView>> {
    const pause = (record: ScheduleRecord, now: number) => ({ ...record, pausedAt: record.pausedAt ?? toIso(now) });
    return this.#change(template, toCallKey('pause', template, options), pause);
  }

  /** Goes on with the next slot; those that passed meanwhile do not run. */
  resume(template: string, options: CallOptions): Promise<Replayable<ScheduleView>> {
    const resume = (record: ScheduleRecord, now: number) =>
      record.pausedAt === null ? record : { ...passPaused(record, now), pausedAt: null };
    return this.#change(template, toCallKey('resume', template, options), resume);
  }

  /** A slot of its own, now, also of a paused schedule. Rejects with CONFLICT where `overlap` leaves it out. */
  trigger(template: string, options: CallOptions): Promise<Replayable<TriggerReply>> {
    const key = toCallKey('trigger', template, options);
    return this.#inTurn(async () => {
      const { schedule, record } = await this.#get(template);
      const known = findCall(record, key)?.reply;
      if (known) return asReplayed({ template, ...known }, true);
      const now = this.#clock.now();
      const slot = toIso(now);
      const entry: SlotEntry = { slot, trigger: key ?? slot };
      const { owners } = await this.#runs.find(template, [entry]);
      // One that is there is of a life that ended before it could answer.
      const admitted = owners[0]
        ? await this.#runs.begin(template, {}, record, { entry, now })
        : await this.#runs.admit(template, schedule, record, { entry, now });
      if (admitted.how === 'overlap') {
        const detail = `The schedule of template "${template}" has a workflow that is not finished (${admitted.unfinished}), and its overlap is "${schedule.overlap ?? 'skip'}"`;
        throw new Refusal({ code: 'CONFLICT', detail });
      }
      const queued = admitted.how === 'queued';
      const reply = { slot, workflow_id: queued ? null : (admitted.record.last?.workflow_id ?? null), queued };
      await this.#book.put(template, withCall(admitted.record, key, reply));
      if (queued && this.#isRunning) this.#wakeAfter(0);
      return asReplayed({ template, ...reply }, false);
    });
  }

  async close(): Promise<void> {
    this.#isRunning = false;
    this.#closing.abort();
    this.#cancelTimer();
    await this.#turn;
  }

  #change(
    template: string,
    key: string | null,
    change: (record: ScheduleRecord, now: number) => ScheduleRecord,
  ): Promise<Replayable<ScheduleView>> {
    return this.#inTurn(async () => {
      const { record } = await this.#get(template);
      const now = this.#clock.now();
      if (findCall(record, key) !== undefined) return asReplayed(toView(template, record, null, now), true);
      const changed = withCall(change(record, now), key, null);
      await this.#book.put(template, changed);
      if (this.#isRunning) this.#wakeAfter(0);
      return asReplayed(toView(template, changed, null, now), false);
    });
  }

  async #get(template: string): Promise<{ schedule: TemplateSchedule; record: ScheduleRecord }> {
    const { scheduled, records } = await this.#survey();
    const found = scheduled.find((other) => other.template === template);
    if (found !== undefined) {
      const { schedule } = found;
      return { schedule, record: toCurrent(records.get(template), schedule, this.#clock.now()) };
    }
    const detail = `There is no template "${template.slice(0, 128)}" with a schedule: GET /api/schedules lists them`;
    throw new Refusal({ code: 'NOT_FOUND', detail });
  }

  /** One after the other, so that no two decide the same slot. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined); // The caller gets the error.
    return done;
  }

  async #survey(): Promise<Survey> {
    const { templates } = this.#parts;
    const records = await this.#book.records();
    const [all, problems] = await Promise.all([templates.list(), templates.problems()]);
    const scheduled: Scheduled[] = all.flatMap(({ id, schedule }) => (schedule ? [{ template: id, schedule }] : []));
    const known = new Set(all.map(({ id }) => id));
    const faulty = new Set(problems.flatMap(({ ids }) => ids));
    const missingOf = (id: string): Missing | null => (known.has(id) ? null : faulty.has(id) ? 'faulty' : 'gone');
    return { scheduled, records, known, missingOf };
  }

  #look(): Promise<void> {
    this.#cancelTimer();
    return this.#inTurn(async () => {
      let waitMs = lookMs;
      try {
        const survey = await this.#survey();
        for (const { template, schedule } of survey.scheduled) {
          if (!this.#isRunning) return;
          waitMs = Math.min(waitMs, await this.#advance(template, schedule));
        }
        await this.#keepMissing(survey);
      } catch {
        // Nobody has asked: what refuses is busy, full or ending, and says so itself. Undecided slots stay due.
        waitMs = retryMs;
      }
      this.#wakeAfter(waitMs);
    });
  }

  #wakeAfter(ms: number): void {
    this.#cancelTimer();
    if (this.#isRunning) this.#cancelTimer = this.#clock.timer(ms, () => void this.#look());
  }

  /** Decides what is due. Resolves with how long the next look may wait. */
  async #advance(template: string, schedule: TemplateSchedule): Promise<number> {
    const known = (await this.#book.records()).get(template);
    const now = this.#clock.now();
    let record = toCurrent(known, schedule, now);
    // While its file was not there, or had a fault, it was paused.
    const wasMissing = (known?.goneSince ?? null) !== null;
    try {
      if (record.pausedAt !== null || !record.enabled || wasMissing) record = passPaused(record, now);
      else record = await this.#decide(template, schedule, record, now);
      if (record !== known) await this.#book.put(template, record);
      await this.#drain(template, schedule, record, now);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return retryMs;
    }
    const next = nextSlot(record, Math.max(now, toMs(record.cursor)));
    return next === null ? lookMs : next - this.#clock.now();
  }

  /** SD2. */
  async #decide(
    template: string,
    schedule: TemplateSchedule,
    before: ScheduleRecord,
    now: number,
  ): Promise<ScheduleRecord> {
    const slots = slotsBetween(before, toMs(before.cursor), now, limits.passedSlotsMax);
    if (slots.length === 0) return before;
    const entries = slots.map((slot) => ({ slot: toIso(slot) }));
    // Of a life that ended between a workflow and the file: such slots are decided.
    const { owners } = await this.#runs.find(template, entries);
    const open = slots.filter((_, i) => owners[i] === null);
    const missed = new Set(decideDue(open, now, schedule).missed);
    const isOneOfAll = schedule.missed === 'all' && slots.length > 1;
    let record = before;
    for (const [i, slot] of slots.entries()) {
      const entry = entries[i] as SlotEntry;
      const owner = owners[i] ?? null;
      if (owner !== null) record = { ...record, last: { slot: entry.slot, workflow_id: owner } };
      else if (missed.has(slot)) {
        record = withPassed(record, [{ slot: entry.slot, why: 'missed', at: toIso(now) }]);
      } else record = (await this.#runs.admit(template, schedule, record, { entry, now, isOneOfAll })).record;
      record = { ...record, cursor: entry.slot };
    }
    return record;
  }

  /** Begins what waits, as far as nothing is in the way. */
  async #drain(template: string, schedule: TemplateSchedule, before: ScheduleRecord, now: number): Promise<void> {
    let record = before;
    for (let first = record.queued[0]; first !== undefined; first = record.queued[0]) {
      const { unfinished } = await this.#runs.find(template, []);
      const [other] = unfinished;
      if (other !== undefined) {
        this.#awaitEnd(other);
        return;
      }
      const { record: begun } = await this.#runs.begin(template, schedule.params ?? {}, record, { entry: first, now });
      record = { ...begun, queued: record.queued.slice(1) };
      await this.#book.put(template, record);
    }
  }

  #awaitEnd(workflowId: string): void {
    if (this.#awaited.has(workflowId)) return;
    this.#awaited.add(workflowId);
    this.#parts
      .finished(workflowId, this.#closing.signal)
      .then(
        () => this.#wakeAfter(0),
        () => undefined, // The next look asks again.
      )
      .finally(() => this.#awaited.delete(workflowId));
  }

  /** Templates that are there without a schedule any more, or are not there. */
  async #keepMissing({ scheduled, records, known, missingOf }: Survey): Promise<void> {
    const now = this.#clock.now();
    const kept = new Set(scheduled.map(({ template }) => template));
    for (const [template, record] of records) {
      if (kept.has(template)) continue;
      const { goneSince } = record;
      const isForgotten = goneSince !== null && now - toMs(goneSince) > forgetMs && missingOf(template) === 'gone';
      if (known.has(template) || isForgotten) await this.#book.put(template, null);
      else if (goneSince === null) await this.#book.put(template, { ...record, goneSince: toIso(now) });
    }
  }
}

/** What a call with an Idempotency-Key is known by; null without one. */
function toCallKey(call: string, template: string, options: CallOptions): string | null {
  return toClaim(`${call}Schedule`, [template, options.idempotencyKey], options).claim?.request ?? null;
}

function findCall(record: ScheduleRecord, key: string | null): ScheduleRecord['calls'][number] | undefined {
  return key === null ? undefined : record.calls.find((call) => call.key === key);
}

function withCall(
  record: ScheduleRecord,
  key: string | null,
  reply: ScheduleRecord['calls'][number]['reply'],
): ScheduleRecord {
  if (key === null) return record;
  return { ...record, calls: [...record.calls, { key, reply }].slice(-limits.passedSlotsMax) };
}

function asReplayed<Reply extends object>(reply: Reply, replayed: boolean): Replayable<Reply> {
  return Object.defineProperty(reply, 'replayed', { value: replayed });
}
