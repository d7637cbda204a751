/** The captures in IndexedDB, which holds large ones; rows apart from contents, so that a list reads no page. */
import type { Capture } from './capture.ts';
import type { CaptureRow, CaptureStore } from './captures.ts';

const name = 'captures';
const places = ['rows', 'contents'] as const;

export class IndexedCaptureStore implements CaptureStore {
  #opened: Promise<IDBDatabase> | null = null;

  async rows(): Promise<CaptureRow[]> {
    const rows = await this.#ask<CaptureRow[]>('rows', (store) => store.getAll());
    return rows.sort((a, b) => (a.capturedAt < b.capturedAt ? -1 : 1));
  }

  row(id: string): Promise<CaptureRow | undefined> {
    return this.#ask('rows', (store) => store.get(id));
  }

  async content(id: string): Promise<Capture | undefined> {
    const found = await this.#ask<{ capture: Capture } | undefined>('contents', (store) => store.get(id));
    return found?.capture;
  }

  add(row: CaptureRow, capture: Capture): Promise<void> {
    return this.#change((rows, contents) => {
      rows.put(row);
      contents.put({ id: row.id, capture });
    });
  }

  /** Nothing where the capture was dropped meanwhile. */
  update(row: CaptureRow): Promise<void> {
    return this.#change((rows) => {
      const asked = rows.getKey(row.id);
      asked.onsuccess = () => {
        if (asked.result !== undefined) rows.put(row);
      };
    });
  }

  remove(id: string): Promise<void> {
    return this.#change((rows, contents) => {
      rows.delete(id);
      contents.delete(id);
    });
  }

  async #ask<Result>(place: (typeof places)[number], ask: (store: IDBObjectStore) => IDBRequest): Promise<Result> {
    const database = await this.#open();
    const request = ask(database.transaction(place).objectStore(place));
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result as Result);
      request.onerror = () => reject(request.error);
    });
  }

  /** Resolves when it is on the disk. */
  async #change(change: (rows: IDBObjectStore, contents: IDBObjectStore) => void): Promise<void> {
    const database = await this.#open();
    const transaction = database.transaction(places, 'readwrite', { durability: 'strict' });
    change(transaction.objectStore('rows'), transaction.objectStore('contents'));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        for (const place of places) request.result.createObjectStore(place, { keyPath: 'id' });
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    return this.#opened;
  }
}
