/**
 * The memory that requests may hold, all together: the bytes of their bodies and of their answers, from the moment they
 * are known until the answer has left. Without a bound, clients that ask for large workflows and do not read them could
 * fill the process's memory.
 *
 *   AM1  a request holds bytes only while they fit into `bytesMax` together with those of all others; a request that
 *        holds at most `freeBytes` is never refused, and one always fits where nobody else holds any;
 *   AM2  an answer that finds no room waits its turn, first come, first served; after its patience it is refused (503);
 *   AM3  while one waits, answers that clients have been reading for longer than `readingMsMax` are cut, longest first;
 *   AM4  what a request holds is given back exactly once, however the request ends.
 */
import type { AskRoom } from '../contract/engine.ts';
import { Refusal } from '../contract/failures.ts';
import { ClientGoneError } from './client-gone.ts';

export interface AnswerMemoryBounds {
  bytesMax: number;
  freeBytes: number;
  /** How long an answer that only reads may wait for room. */
  patienceMs: number;
  readingMsMax: number;
}

interface Waiter {
  hold: HeldMemory;
  bytes: number;
  admit(): void;
  refuse(error: Error): void;
}

const sweepMs = 500;
/** Each key of `{"a":1}` is a line of the indented answer: measured up to 3.4 times the bytes of the body. */
const createdPerBodyByte = 4;

export class AnswerMemory {
  readonly #bounds: AnswerMemoryBounds;
  readonly #holds = new Set<HeldMemory>();
  readonly #waiters: Waiter[] = [];
  #bytes = 0;
  #sweep: NodeJS.Timeout | undefined;

  constructor(bounds: AnswerMemoryBounds) {
    this.#bounds = bounds;
  }

  /** Bytes held now, by all requests together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** `cut` ends the answer and its connection. */
  open(cut: () => void): HeldMemory {
    const hold = new HeldMemory(this, cut);
    this.#holds.add(hold);
    return hold;
  }

  /** Sets what a request holds; false when it grows and there is no room. */
  resize(hold: HeldMemory, bytes: number, isForced: boolean): boolean {
    if (!this.#holds.has(hold)) return true;
    if (!isForced && bytes > hold.bytes && !this.#fits(hold, bytes)) return false;
    const isSmaller = bytes < hold.bytes;
    this.#bytes += bytes - hold.bytes;
    hold.bytes = bytes;
    if (isSmaller) this.#admitWaiters();
    return true;
  }

  /** Resolves when the request holds `bytes`; rejects with a Refusal when its patience ends before there is room. */
  wait(hold: HeldMemory, bytes: number, patienceMs: number): Promise<void> {
    if (bytes <= hold.bytes) return Promise.resolve();
    if (this.#waiters.length === 0 || bytes <= this.#bounds.freeBytes) {
      if (this.resize(hold, bytes, false)) return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const timer = Number.isFinite(patienceMs) ? setTimeout(() => waiter.refuse(busy()), patienceMs) : undefined;
      const leave = () => {
        clearTimeout(timer);
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        if (this.#waiters.length === 0) this.#endSweep();
      };
      const waiter: Waiter = {
        hold,
        bytes,
        admit: () => {
          leave();
          resolve();
        },
        refuse: (error) => {
          leave();
          reject(error);
          this.#admitWaiters();
        },
      };
      this.#waiters.push(waiter);
      this.#sweep ??= setInterval(() => this.#cutSlowest(), sweepMs);
      this.#cutSlowest();
    });
  }

  close(hold: HeldMemory): void {
    if (!this.#holds.delete(hold)) return;
    this.#bytes -= hold.bytes;
    for (const waiter of this.#waiters.filter((each) => each.hold === hold)) waiter.refuse(new ClientGoneError());
    this.#admitWaiters();
  }

  get patienceMs(): number {
    return this.#bounds.patienceMs;
  }

  #fits(hold: HeldMemory, bytes: number): boolean {
    const others = this.#bytes - hold.bytes;
    return bytes <= this.#bounds.freeBytes || others === 0 || others + bytes <= this.#bounds.bytesMax;
  }

  #admitWaiters(): void {
    for (;;) {
      const [first] = this.#waiters;
      if (first === undefined || !this.#fits(first.hold, first.bytes)) return;
      const bytes = Math.max(first.bytes, first.hold.bytes);
      this.#bytes += bytes - first.hold.bytes;
      first.hold.bytes = bytes;
      first.admit();
    }
  }

  /** AM3. */
  #cutSlowest(): void {
    const before = performance.now() - this.#bounds.readingMsMax;
    let slowest: HeldMemory | undefined;
    for (const hold of this.#holds) {
      if (hold.readingSince === null || hold.readingSince > before || hold.bytes <= this.#bounds.freeBytes) continue;
      if (slowest?.readingSince == null || hold.readingSince < slowest.readingSince) slowest = hold;
    }
    slowest?.cut();
  }

  #endSweep(): void {
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}

/** What one request holds. */
export class HeldMemory {
  /** Set by the AnswerMemory. */
  bytes = 0;
  /** When the answer was handed over to the client's connection, on the monotonic clock; null until then. */
  readingSince: number | null = null;
  readonly cut: () => void;
  readonly #memory: AnswerMemory;
  #body = 0;

  constructor(memory: AnswerMemory, cut: () => void) {
    this.#memory = memory;
    this.cut = cut;
  }

  /** For bytes of the body as they come: what came before them and they. Throws a Refusal when there is no room. */
  takeBody(bytes: number): void {
    if (!this.#memory.resize(this, bytes, false)) throw busy();
    this.#body = bytes;
  }

  /** After its patience it is refused; one that is patient waits until there is room, or its client has gone. */
  readonly room: AskRoom = (bytes, isPatient = false) =>
    this.#memory.wait(this, this.#body + bytes, isPatient ? Number.POSITIVE_INFINITY : this.#memory.patienceMs);

  /** For the answer of a call that creates from its body, before it does. */
  roomForCreated(): Promise<void> {
    return this.room(createdPerBodyByte * this.#body);
  }

  /** What is left of the answer once parts of it have been thrown away. */
  keep(bytes: number): void {
    this.#memory.resize(this, this.#body + bytes, true);
  }

  /** The answer is made and goes out: `bytes` is its size, whatever was asked for before. */
  sending(bytes: number): void {
    this.keep(bytes);
    this.readingSince = performance.now();
  }

  close(): void {
    this.#memory.close(this);
  }
}

function busy(): Refusal {
  return new Refusal({
    code: 'BUSY',
    detail: 'Too many large bodies and answers are under way: read one at a time, and try again in a moment',
    retryAfterSeconds: 1,
  });
}
