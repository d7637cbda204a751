/**
 * Buffers for the bytes of files on their way to the disk. A large buffer is used again for the next file: the system clears
 * every page of a new one when it is first written to, which costs more than the rest of a view (20 ms of 35 for 10 MB,
 * docs/adr/0017).
 */

/** Small buffers are cheap, and as many as there are files. */
const keptBytesMin = 256 * 1024;
/** What is kept while no file is written. */
const keptBytesMax = 32 * 1024 * 1024;

export class FileBuffers {
  #spare: Buffer | null = null;
  /** Buffers that were made because there was none to use again. */
  made = 0;

  /** At least that large. It belongs to the caller until it is given back. */
  take(bytes: number): Buffer {
    const spare = this.#spare;
    if (spare !== null && bytes >= keptBytesMin && spare.length >= bytes) {
      this.#spare = null;
      return spare;
    }
    this.made += 1;
    // A workflow's next view is a little longer than its last one. Room that is not written to costs nothing.
    const room = bytes < keptBytesMin ? bytes : Math.min(bytes * 2, keptBytesMax);
    return Buffer.allocUnsafe(Math.max(bytes, room));
  }

  /** Nobody reads the buffer any more. The larger one of two is kept. */
  giveBack(buffer: Buffer): void {
    if (buffer.length < keptBytesMin || buffer.length > keptBytesMax) return;
    if (this.#spare === null || this.#spare.length < buffer.length) this.#spare = buffer;
  }
}
