/**
 * The queue file: a view of the queue for people and tools, an indented JSON array, `[]` when idle. It is written through
 * lowdb's `Low` with an adapter of our own, because lowdb's JSONFile never fsyncs and lets steady writing starve the first
 * writer.
 */
import { type Adapter, Low } from 'lowdb';
import type { QueueItem } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { isAbsent } from './disk-error.ts';
import { replaceFile } from './durable-file.ts';
import type { Finding } from './journal-reading.ts';

interface QueueReading {
  items: readonly unknown[];
  isAbsent: boolean;
  findings: Finding[];
}

/** A file that is no JSON array is kept aside and counts as empty: the queue is derived from the steps. */
export function readQueueFile(disk: Disk, file: string): QueueReading {
  let bytes: Buffer;
  try {
    bytes = disk.readFileSync(file);
  } catch (error) {
    if (isAbsent(error)) return { items: [], isAbsent: true, findings: [] };
    throw error;
  }
  const items = parseItems(bytes);
  if (items !== null) return { items, isAbsent: false, findings: [] };
  const message = `the queue file ${file} is not a JSON array; the queue is made anew from the steps`;
  const finding: Finding = { notice: { kind: 'quarantine', message }, keep: { name: 'queue-state.json', bytes } };
  return { items: [], isAbsent: false, findings: [finding] };
}

function parseItems(bytes: Buffer): unknown[] | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return Array.isArray(value) ? value : null;
  } catch {
    return null; // Reported by the caller, with the bytes.
  }
}

class QueueAdapter implements Adapter<readonly QueueItem[]> {
  /** Whether the write that comes next is durable. */
  durable = false;
  /** Settles when the last write has ended. */
  turn: Promise<void> = Promise.resolve();
  readonly #disk: Disk;
  readonly #file: string;

  constructor(disk: Disk, file: string) {
    this.#disk = disk;
    this.#file = file;
  }

  /** Recovery reads and judges the file before anything else does; Low starts from what it decided. */
  read(): Promise<null> {
    return Promise.resolve(null);
  }

  /** Makes the text before it returns: a caller measures how long it occupies the thread. Then it waits for its turn. */
  write(items: readonly QueueItem[]): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(items, null, 2)}\n`);
    const { durable } = this;
    const done = this.turn.then(() => replaceFile(this.#disk, this.#file, bytes, { durable }));
    this.turn = done.catch(() => undefined); // The caller has the error; the next write starts clean.
    return done;
  }
}

export class QueueFile {
  readonly #adapter: QueueAdapter;
  readonly #low: Low<readonly QueueItem[]>;

  constructor(disk: Disk, file: string) {
    this.#adapter = new QueueAdapter(disk, file);
    this.#low = new Low<readonly QueueItem[]>(this.#adapter, []);
  }

  /** Writes end in call order: what was given last is what the file says in the end. */
  write(items: readonly QueueItem[], { durable }: { durable: boolean }): Promise<void> {
    this.#adapter.durable = durable;
    this.#low.data = items;
    return this.#low.write();
  }

  /** Resolves when no write is under way. */
  idle(): Promise<void> {
    return this.#adapter.turn;
  }
}
