/**
 * Never paid twice: a step that asks what another has asked gets that one's result, and nothing is called.
 *
 * Rules, numbered for tests:
 *   SC1  only a recorded result of an action that ran is kept, under action, version of its task, server and model that are asked,
 *        and params as they were bound; equal questions have equal keys, whatever order their fields stand in;
 *   SC2  of steps that ask the same at once one goes, and the others wait for what becomes of it;
 *   SC3  whatever is wrong with the cache is a miss: no step fails for it, and a step that is wanted no more holds up no other;
 *   SC4  at most `answersHeldMax` answers are read or held at once, and no more are read while those held take
 *        `answersCharsMax`, for any of them may be large;
 *   SC5  those who wait for one who goes get what it has made, also where the cache could not keep it: one text for all,
 *        which SC4 does not count.
 */
import { createHash } from 'node:crypto';
import { type CacheEntry, readEntryJson, toEntryJson } from '../../contract/cache-entry.ts';
import type { JournalEvent, OutputsRef } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { EngineSettings } from '../../contract/settings.ts';
import { DiskFailedError, OutOfHandlesError, type StorePort } from '../../contract/store.ts';
import type { ActionInfo } from '../../contract/task.ts';
import { pickSecrets } from '../../contract/task.ts';
import { type CachedResult, toCachedResult } from '../../core/cached-result.ts';
import { toCanonicalJson } from '../../core/canonical-json.ts';
import { toIso } from '../../core/time.ts';
import type { Clock } from '../clock.ts';

/** One ready step's question, from when it is asked until its attempt has ended. */
export interface Question {
  readonly info: ActionInfo;
  readonly bind: () => Promise<JsonObject>;
  /** Told once what there is, and never when the question was let go before. */
  readonly onKnown: (answer: CachedResult | null) => void;
  /** null until the params are bound, and where they cannot be. */
  key: string | null;
  /** `open`: read, or answered and not taken yet. `waiting`: for the one who goes. */
  phase: 'lined up' | 'open' | 'waiting' | 'known' | 'let go';
  /** Until it is taken. */
  answer: CachedResult | null;
  isAnswered: boolean;
  /** SC4. */
  isCounted: boolean;
}

export interface StepCacheOptions {
  settings: EngineSettings;
  store: StorePort;
  clock: Clock;
  onNotice(message: string): void;
  onFatal(error: unknown): void;
}

const answersHeldMax = 16;
const answersCharsMax = 32 * 1024 * 1024;
const handlesRetryMs = 1_000;

export class StepCache {
  readonly #options: StepCacheOptions;
  #line: Question[] = [];
  #open = 0;
  /** Of the answers that wait to be taken. */
  #charsHeld = 0;
  #isHalted = false;
  /** By key, the question whose step goes and may bring the answer. */
  readonly #going = new Map<string, Question>();
  readonly #waiting = new Map<string, Question[]>();
  readonly #keeping = new Set<Promise<void>>();

  constructor(options: StepCacheOptions) {
    this.#options = options;
  }

  /** `bind` may reject: then the question has no key, and its step finds out by itself. */
  ask(info: ActionInfo, bind: Question['bind'], onKnown: Question['onKnown']): Question {
    const question: Question = {
      info,
      bind,
      onKnown,
      key: null,
      phase: 'lined up',
      answer: null,
      isAnswered: false,
      isCounted: false,
    };
    this.#lineUp(question);
    return question;
  }

  /** The answer, for the attempt that gives it out; null where the step has to ask itself. */
  take(question: Question): CachedResult | null {
    const { answer } = question;
    if (answer !== null) {
      question.answer = null;
      if (question.isCounted) {
        this.#charsHeld -= answer.outputsJson.length;
        this.#close();
      }
    }
    return answer;
  }

  /** The step goes no more, or has gone in vain; those who waited for it ask anew. */
  letGo(question: Question): void {
    if (question.phase === 'let go') return;
    this.take(question);
    // One that is being read is closed when it has been.
    question.phase = 'let go';
    this.#release(question);
  }

  /** After its step's completion is recorded; those who waited for it get what it has made. */
  keep(question: Question, event: Extract<JournalEvent, { kind: 'step.completed' }>): void {
    const { key } = question;
    if (key === null || this.#going.get(key) !== question) {
      this.letGo(question);
      return;
    }
    const kept = this.#keep(key, question, event).then(() => {
      this.#keeping.delete(kept);
      this.letGo(question);
    });
    this.#keeping.add(kept);
  }

  async #keep(
    key: string,
    question: Question,
    event: Extract<JournalEvent, { kind: 'step.completed' }>,
  ): Promise<void> {
    let entry: CacheEntry | null = null;
    try {
      entry = await this.#toEntry(question.info.action, event);
      await this.#options.store.writeCached(key, toEntryJson(entry));
    } catch (error) {
      if (error instanceof DiskFailedError) {
        this.#options.onFatal(error);
        return;
      }
      this.#notice(`The result of step ${event.stepId} of workflow ${event.workflowId} was not kept`, error);
      if (entry) this.#answerWaiting(key, toCachedResult(entry));
    }
  }

  /** SC5. */
  #answerWaiting(key: string, answer: CachedResult): void {
    const others = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const other of others) {
      if (other.phase === 'waiting') this.#answer(other, answer);
    }
  }

  /** Resolves when what is being kept is durable, or was given up. */
  async idle(): Promise<void> {
    while (this.#keeping.size > 0) await Promise.all(this.#keeping);
  }

  /** Nobody is answered any more. */
  halt(): void {
    this.#isHalted = true;
  }

  #lineUp(question: Question): void {
    question.phase = 'lined up';
    this.#line.push(question);
    this.#next();
  }

  #next(): void {
    while (
      !this.#isHalted &&
      this.#open < answersHeldMax &&
      this.#charsHeld < answersCharsMax &&
      this.#line.length > 0
    ) {
      const question = this.#line.shift()!;
      if (question.phase !== 'lined up') continue;
      question.phase = 'open';
      this.#open += 1;
      void this.#look(question);
    }
  }

  #close(): void {
    this.#open -= 1;
    this.#next();
  }

  async #look(question: Question): Promise<void> {
    const answer = await this.#find(question);
    // Let go while it was read.
    if (question.phase !== 'open') {
      this.#close();
      return;
    }
    const { key } = question;
    if (answer === null && key !== null && this.#going.has(key)) {
      question.phase = 'waiting';
      const others = this.#waiting.get(key);
      if (others) others.push(question);
      else this.#waiting.set(key, [question]);
      this.#close();
      return;
    }
    if (answer !== null) {
      question.isCounted = true;
      this.#charsHeld += answer.outputsJson.length;
      this.#answer(question, answer);
      return;
    }
    question.phase = 'known';
    if (key !== null) this.#going.set(key, question);
    this.#close();
    question.onKnown(null);
  }

  #answer(question: Question, answer: CachedResult): void {
    question.phase = 'known';
    question.answer = answer;
    question.isAnswered = true;
    question.onKnown(answer);
  }

  /** SC1. A setting may send the same params to another server, or to another model. */
  #toKey(info: ActionInfo, params: JsonObject): string {
    const { action, version = 1 } = info;
    const call = info.callsModel?.(params, pickSecrets(info, this.#options.settings));
    const asked = call && call !== 'unread' ? [call.baseUrl, call.model] : null;
    return createHash('sha256')
      .update(toCanonicalJson([action, version, asked, params]))
      .digest('hex');
  }

  /** SC3. */
  async #find(question: Question): Promise<CachedResult | null> {
    try {
      question.key ??= this.#toKey(question.info, await question.bind());
    } catch {
      // Its attempt binds again, and fails with what is wrong.
      return null;
    }
    const { key, info } = question;
    try {
      const reading = await this.#inTime(() => this.#options.store.readCached(key));
      if (reading.kind === 'damaged') this.#options.onNotice(reading.reason);
      const entry = reading.kind === 'whole' ? readEntryJson(reading.json) : null;
      return entry?.action === info.action ? toCachedResult(entry) : null;
    } catch (error) {
      if (error instanceof DiskFailedError) this.#options.onFatal(error);
      else this.#notice(`Answer ${key} of the cache was not read`, error);
      return null;
    }
  }

  /** Where file handles are short the step waits for one. */
  async #inTime<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof OutOfHandlesError) || this.#isHalted) throw error;
        await new Promise<void>((resolve) => void this.#options.clock.timer(handlesRetryMs, resolve));
        // The store is closed.
        if (this.#isHalted) throw error;
      }
    }
  }

  async #toEntry(action: string, event: Extract<JournalEvent, { kind: 'step.completed' }>): Promise<CacheEntry> {
    const { workflowId: workflow, stepId: step, metadata, metrics, outputs } = event;
    const from = { workflow, step, at: toIso(event.at) };
    const outputsJson = await this.#readOutputs(workflow, outputs);
    return { format: 1, action, from, metadata, metrics, outputsJson };
  }

  async #readOutputs(workflowId: string, outputs: OutputsRef): Promise<string> {
    if ('json' in outputs) return outputs.json;
    const bytes = await this.#inTime(() => this.#options.store.readBlob(workflowId, outputs.blob));
    return Buffer.from(bytes).toString('utf8');
  }

  #release(question: Question): void {
    const { key } = question;
    if (key === null || this.#going.get(key) !== question) return;
    this.#going.delete(key);
    const others = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const other of others) if (other.phase === 'waiting') this.#lineUp(other);
  }

  #notice(what: string, error: unknown): void {
    this.#options.onNotice(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
