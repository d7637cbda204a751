/**
 * The cache of step results: a step that asks the same question as an earlier step gets that step's result, without a
 * call.
 *
 * The way of a question, as its `phase`:
 *   lined up   waits to be looked up (SC4)
 *   open       is being looked up
 *   waiting    waits for the result of another step that asks the same and runs (`#going`)
 *   known      has its answer, which the step has still to take, or has none, and the step runs the action
 *   let go     over: its step was stopped, or its attempt has ended
 *
 * Rules, numbered for tests:
 *   SC1  only a recorded result of an action that ran is kept. Its key is made of the action, the version of its task,
 *        the server and model that are asked, and the bound params; of secrets it has the names and their places, not the
 *        values. The order of fields in the params does not change the key;
 *   SC2  when several steps ask the same question at once, one runs and the others wait for its result;
 *   SC3  any fault of the cache counts as a miss: no step fails because of it; a step that was stopped holds up no
 *        other step;
 *   SC4  at most `answersHeldMax` answers are being read or held at once, and no further answer is read while the held
 *        ones take `answersCharsMax` characters, since any answer may be large;
 *   SC5  steps that wait for a running step get its result, even if the cache could not keep it. They then share one
 *        text, which SC4 does not count.
 */
import { createHash } from 'node:crypto';
import { type CacheEntry, readEntryJson, toEntryJson } from '../../contract/cache-entry.ts';
import type { JournalEvent, OutputsRef } from '../../contract/journal-event.ts';
import type { EngineSettings } from '../../contract/settings.ts';
import { DiskFailedError, OutOfHandlesError, type StorePort } from '../../contract/store.ts';
import type { ActionInfo } from '../../contract/task.ts';
import { pickSecrets } from '../../contract/task.ts';
import { type CachedResult, toCachedResult } from '../../core/cached-result.ts';
import { toCanonicalJson } from '../../core/canonical-json.ts';
import type { BoundParams } from '../../core/step-secrets.ts';
import { toIso } from '../../core/time.ts';
import type { Clock } from '../clock.ts';

/** The question of one step, from the time it is asked until the step's attempt has ended. */
export interface Question {
  readonly info: ActionInfo;
  readonly bind: () => Promise<BoundParams>;
  /** Called once, with the answer or null; never called after the question was let go. */
  readonly onKnown: (answer: CachedResult | null) => void;
  /** null until the params are bound; stays null when they cannot be bound. */
  key: string | null;
  /** See the head of this file. */
  phase: 'lined up' | 'open' | 'waiting' | 'known' | 'let go';
  /** null before the answer is known, and again once the step has taken it. */
  answer: CachedResult | null;
  /** True from the moment it gets an answer. */
  isAnswered: boolean;
  /** True when SC4 counts its answer. */
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
  /** Questions that are being looked up, and answers from the cache that their steps have not taken yet (SC4). */
  #open = 0;
  /** Characters of the answers that are held, waiting for their steps to take them (SC4). */
  #charsHeld = 0;
  #isHalted = false;
  /** Key → the question whose step runs and may bring the answer. */
  readonly #going = new Map<string, Question>();
  /** Key → the questions that wait for that step. */
  readonly #waiting = new Map<string, Question[]>();
  readonly #keeping = new Set<Promise<void>>();

  constructor(options: StepCacheOptions) {
    this.#options = options;
  }

  /**
   * Asks a question. If `bind` rejects, the question has no key and no answer, and its step's attempt fails itself.
   */
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

  /** Hands the answer to the step's attempt; null when there is none and the action must run. */
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

  /** Ends a question: its step was stopped, failed, or is done. Steps that wait for its result ask again. */
  letGo(question: Question): void {
    if (question.phase === 'let go') return;
    this.take(question);
    // If the cache is being read for it, `#look` frees its place after the read.
    question.phase = 'let go';
    this.#release(question);
  }

  /** Keeps a result, after the step's completion is recorded; the steps that wait for it get it. */
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

  /** SC5: answers the steps that wait for this key. */
  #answerWaiting(key: string, answer: CachedResult): void {
    const others = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const other of others) {
      if (other.phase === 'waiting') this.#answer(other, answer);
    }
  }

  /** Resolves when every result that is being kept is durable, or could not be kept. */
  async idle(): Promise<void> {
    while (this.#keeping.size > 0) await Promise.all(this.#keeping);
  }

  /** From now on no question is looked up. */
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
    // It was let go during the lookup.
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

  /**
   * SC1. The server and the model are part of the key: a setting may send the same params to others. So are the places of
   * secrets, since data may hold the text that names one.
   */
  #toKey(info: ActionInfo, { params, use }: BoundParams): string {
    const { action, version = 1 } = info;
    const call = info.callsModel?.(params, pickSecrets(info, this.#options.settings));
    const asked = call && call !== 'unread' ? [call.baseUrl, call.model] : null;
    const places = use?.places.length ? [use.places] : [];
    return createHash('sha256')
      .update(toCanonicalJson([action, version, asked, params, ...places]))
      .digest('hex');
  }

  /** SC3: the answer that the cache holds; null when it holds none or cannot be read. */
  async #find(question: Question): Promise<CachedResult | null> {
    try {
      question.key ??= this.#toKey(question.info, await question.bind());
    } catch {
      // The step's attempt binds the params again, and fails with the error.
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

  /** Tries again as long as no file handle is free. */
  async #inTime<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof OutOfHandlesError) || this.#isHalted) throw error;
        await new Promise<void>((resolve) => void this.#options.clock.timer(handlesRetryMs, resolve));
        // The engine has stopped and the store is closed: do not read.
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
