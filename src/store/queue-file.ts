/**
 * The queue file: a view of the queue for people and tools, an indented JSON array, `[]` when idle. Held through lowdb's
 * `Low` with an adapter of our own, because its JSONFile never fsyncs and lets steady writing starve the first writer.
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
  /** Of the write that comes next. */
  durable = false;
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

  async write(items: readonly QueueItem[]): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(items, null, 2)}\n`);
    await replaceFile(this.#disk, this.#file, bytes, { durable: this.durable });
  }
}

export class QueueFile {
  readonly #adapter: QueueAdapter;
  readonly #low: Low<readonly QueueItem[]>;
  #turn: Promise<void> = Promise.resolve();

  constructor(disk: Disk, file: string) {
    this.#adapter = new QueueAdapter(disk, file);
    this.#low = new Low<readonly QueueItem[]>(this.#adapter, []);
  }

  /** One after the other, in call order: the last one called is what stays. */
  write(items: readonly QueueItem[], { durable }: { durable: boolean }): Promise<void> {
    const done = this.#turn.then(async () => {
      this.#adapter.durable = durable;
      this.#low.data = items;
      await this.#low.write();
    });
    this.#turn = done.catch(() => undefined); // The caller has the error; the next write starts clean.
    return done;
  }

  idle(): Promise<void> {
    return this.#turn;
  }
}
