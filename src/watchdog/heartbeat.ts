/**
 * The heartbeat of a thread: a number in shared memory that it raises once a second while its event loop turns. A thread
 * that works on one thing without end, such as a pattern that never comes to a result, raises it no more.
 */

/** The threads that are watched; each has its place in the shared memory. */
export const watchedThreads = ['server', 'coordinator'] as const;
export type WatchedThread = (typeof watchedThreads)[number];

export const beatMs = 1_000;

export function createBeats(): SharedArrayBuffer {
  return new SharedArrayBuffer(watchedThreads.length * Int32Array.BYTES_PER_ELEMENT);
}

/** Begins to beat, for as long as the thread lives; a thread that has not begun is not watched. */
export function startHeartbeat(beats: SharedArrayBuffer, thread: WatchedThread): void {
  const counts = new Int32Array(beats);
  const place = watchedThreads.indexOf(thread);
  Atomics.add(counts, place, 1);
  setInterval(() => Atomics.add(counts, place, 1), beatMs).unref();
}
