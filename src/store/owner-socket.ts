/**
 * A unix socket by path in `.engine/`: shows every process that sees the directory whether its owner lives, from any pid
 * or network namespace, such as another container on the same volume. The kernel closes it the moment its process dies.
 *
 * Rules, numbered for tests:
 *   OS1  of any number of processes that take the socket, one at most gets it. Each listens first, then looks for others
 *        that listen; of two, the one that looks later sees the other and gives way;
 *   OS2  a socket file that nobody listens on is a dead owner's, and only the new owner removes it;
 *   OS3  where this user may not connect to a socket, nobody knows whether its owner lives: the start ends with 77.
 *
 * The name `owner-<number>.sock` is one more than the highest that exists: `bind` creates it exclusively, so that the
 * successors of one dead owner compete for one name. A path longer than the kernel takes (107 bytes) goes through
 * `/proc/self/fd`.
 */
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Disk } from './disk.ts';
import { errorCode, isForbidden } from './disk-error.ts';

export interface HeldSocket {
  close(): Promise<void>;
}

/** `sun_path` has 108 bytes on Linux, its ending zero included, and 104 on macOS. */
const pathBytesMax = process.platform === 'linux' ? 107 : 103;
/** Two that see each other start give way both, and try again after a random pause. */
const triesMax = 8;
const pauseMsMax = 50;

/** 'taken' when another process listens; null when no socket can be made here. */
export async function holdOwnerSocket(disk: Disk, directory: string): Promise<HeldSocket | 'taken' | null> {
  if (process.platform === 'win32') return null;
  const place = openPlace(disk, directory);
  if (place === null) return null;
  let held: HeldSocket | 'taken' | null = 'taken';
  try {
    held = await hold(disk, place);
    return held;
  } finally {
    if (held === null || held === 'taken') place.close();
  }
}

async function hold(disk: Disk, place: Place): Promise<HeldSocket | 'taken' | null> {
  for (let attempt = 1; attempt <= triesMax; attempt += 1) {
    const tried = await tryToHold(disk, place);
    if (tried !== 'again') return tried;
    await delay(Math.random() * pauseMsMax);
  }
  return 'taken';
}

interface Place {
  directory: string;
  /** A path to a file of the directory that is short enough for a socket. */
  toSocketPath(name: string): string;
  close(): void;
}

function openPlace(disk: Disk, directory: string): Place | null {
  const real = disk.lstatSync(directory)?.kind === 'directory' ? disk.realpathSync(directory) : null;
  if (real === null) return null;
  const longest = Buffer.byteLength(path.join(real, nameOf(Number.MAX_SAFE_INTEGER)));
  if (longest <= pathBytesMax) {
    return { directory, toSocketPath: (name) => path.join(real, name), close: () => undefined };
  }
  if (process.platform !== 'linux') return null;
  const fd = disk.openSync(real, 'r');
  return {
    directory,
    toSocketPath: (name) => `/proc/self/fd/${fd}/${name}`,
    close: () => disk.closeSync(fd),
  };
}

function nameOf(number: number): string {
  return `owner-${number}.sock`;
}

/** The numbers of the socket files of the directory, ascending. */
function listNumbers(disk: Disk, directory: string): number[] {
  const numbers = disk.readDirectorySync(directory).flatMap(({ name }) => {
    const digits = /^owner-(\d{1,15})\.sock$/.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
  return numbers.sort((a, b) => a - b);
}

async function tryToHold(disk: Disk, place: Place): Promise<HeldSocket | 'taken' | 'again' | null> {
  const found = listNumbers(disk, place.directory);
  if (await isAnyListening(place, found)) return 'taken';
  const own = (found.at(-1) ?? 0) + 1;
  const server = await listen(place.toSocketPath(nameOf(own)));
  if (server === null || server === 'exists') return server === null ? null : 'again';
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  const now = listNumbers(disk, place.directory);
  const others = now.filter((number) => number !== own);
  const hasRival = !now.includes(own) || others.some((number) => number > own);
  if (hasRival || (await isAnyListening(place, others))) {
    await close();
    return 'again';
  }
  for (const number of others) removeDead(disk, path.join(place.directory, nameOf(number)));
  server.unref();
  return {
    async close() {
      // Takes its own name off the disk, by the path that it was given.
      await close();
      place.close();
    },
  };
}

async function listen(socketPath: string): Promise<net.Server | 'exists' | null> {
  const server = net.createServer((connection) => connection.destroy());
  const code = await new Promise<string | undefined>((resolve) => {
    server.once('error', (error) => resolve(errorCode(error) ?? 'unknown'));
    server.listen({ path: socketPath }, () => resolve(undefined));
  });
  if (code === undefined) return server;
  return code === 'EADDRINUSE' ? 'exists' : null;
}

async function isAnyListening(place: Place, numbers: readonly number[]): Promise<boolean> {
  for (const number of numbers) {
    const name = nameOf(number);
    if (await isListening(place.toSocketPath(name), path.join(place.directory, name))) return true;
  }
  return false;
}

/**
 * Only these two errors prove that nobody listens: a suspended owner whose queue is full gives another. Rejects for a
 * socket of another user (OS3); `file` is its path, as a person knows it.
 */
function isListening(socketPath: string, file: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = net.connect({ path: socketPath });
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', (error) => {
      if (isForbidden(error)) reject(Object.assign(error, { path: file }));
      const code = errorCode(error);
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT');
    });
  });
}

function removeDead(disk: Disk, file: string): void {
  try {
    disk.unlinkSync(file);
  } catch {
    // It stays, and no start takes it for an owner.
  }
}
