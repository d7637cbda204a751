/**
 * The lock file `.engine/lock`: one JSON line that names the owner. It is the lock where no socket can be made, and
 * elsewhere it says who the owner is and whether the directory is still its own.
 *
 * Rules, numbered for tests:
 *   LF1  an owner that has a socket is dead once its socket is free, whatever its pid means in another namespace;
 *   LF2  any other owner of this pid namespace is judged by its process, one of another namespace or machine by its
 *        heartbeat: the number `beat` grows every second, and an owner whose number has not grown for `watchMs` is dead;
 *   LF3  a lock file of another user that cannot be read is stale where we hold a socket that its owner would have; else
 *        nobody knows whether its owner lives, and the start ends with 77.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Disk } from './disk.ts';
import { errorCode, isAbsent, isForbidden, isOutOfHandles } from './disk-error.ts';
import { writeWholeSync } from './durable-file.ts';

const ownerSchema = z.object({
  pid: z.int().min(1),
  /** Field 22 of /proc/<pid>/stat; null where there is no /proc. */
  startTime: z.string().nullable(),
  bootId: z.string().nullable(),
  nonce: z.string(),
  /** What /proc/self/ns/pid names; engines before 0.2 did not write it. */
  pidNamespace: z.string().nullable().optional(),
  hasSocket: z.boolean().optional(),
  /** Digits, always as many; absent where the owner has a socket. */
  beat: z.string().optional(),
});
export type Owner = z.infer<typeof ownerSchema>;

/** How time passes for heartbeats; tests step it. */
export interface LockTime {
  wait(ms: number): Promise<void>;
  /** Calls again and again; returns what ends it. */
  every(ms: number, call: () => void): () => void;
}

export const realLockTime: LockTime = {
  wait: async (ms) => {
    await delay(ms);
  },
  every(ms, call) {
    const timer = setInterval(call, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

export const beatEveryMs = 1_000;
/** A second engine has to end within 5 s, and an owner on a busy machine misses a beat. */
export const watchMs = 4_000;
const beatDigits = 12;

/** An owner that has just created its lock file needs a moment to write its pid: look this often, this far apart. */
export const ownerLooksMax = 20;
export const ownerLookEveryMs = 20;

export function describeSelf(disk: Disk, hasSocket: boolean): Owner {
  return {
    pid: process.pid,
    startTime: readProcess(disk, process.pid)?.startTime ?? null,
    bootId: readBootId(disk),
    nonce: randomBytes(16).toString('hex'),
    pidNamespace: readPidNamespace(disk),
    hasSocket,
    ...(hasSocket ? {} : { beat: '0'.repeat(beatDigits) }),
  };
}

/** False when there is a lock file. */
export function createLockFile(disk: Disk, lockFile: string, owner: Owner): boolean {
  let fd: number;
  try {
    fd = disk.openSync(lockFile, 'wx');
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    writeWholeSync(disk, fd, toLine(owner), 0);
  } finally {
    disk.closeSync(fd);
  }
  return true;
}

function toLine(owner: Owner): Buffer {
  return Buffer.from(`${JSON.stringify(owner)}\n`);
}

/** LF2: writes the growing number in place; the line keeps its length. Returns what ends it. */
export function startBeating(disk: Disk, lockFile: string, owner: Owner, pace: LockTime): () => void {
  let count = 0;
  return pace.every(beatEveryMs, () => {
    if (look(disk, lockFile, owner) !== 'ours') return;
    count += 1;
    try {
      const fd = disk.openSync(lockFile, 'r+');
      try {
        writeWholeSync(disk, fd, toLine({ ...owner, beat: String(count).padStart(beatDigits, '0') }), 0);
      } finally {
        disk.closeSync(fd);
      }
    } catch {
      // A beat is missed. The next batch looks at the file before anything is acknowledged.
    }
  });
}

export function look(disk: Disk, lockFile: string, owner: Owner): 'ours' | 'lost' | 'unknown' {
  let text: string;
  try {
    text = disk.readFileSync(lockFile).toString();
  } catch (error) {
    return isAbsent(error) || errorCode(error) === 'ENOTDIR' ? 'lost' : 'unknown';
  }
  return parseOwner(text)?.nonce === owner.nonce ? 'ours' : 'lost';
}

/** Throws where this user may not read the file. */
export function readOwner(disk: Disk, lockFile: string): Owner | null {
  try {
    return parseOwner(disk.readFileSync(lockFile).toString());
  } catch (error) {
    if (isOutOfHandles(error) || isForbidden(error)) throw error; // The file may name an owner.
    return null; // The file is absent, or is no regular file: no owner.
  }
}

function parseOwner(text: string): Owner | null {
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch {
    return null; // Half written: no owner.
  }
}

/**
 * A lock file without an owner is being written right now, or its process died while it wrote: then this returns null.
 */
export async function readWrittenOwner(disk: Disk, lockFile: string): Promise<Owner | null> {
  for (let count = 1; count <= ownerLooksMax; count += 1) {
    const owner = readOwner(disk, lockFile);
    if (owner !== null || disk.lstatSync(lockFile) === null) return owner;
    await delay(ownerLookEveryMs);
  }
  return null;
}

/** LF1, LF2. `socketIsOurs`: nobody else listens on a socket of this directory. */
export async function isOwnerAlive(
  disk: Disk,
  lockFile: string,
  owner: Owner,
  socketIsOurs: boolean,
  pace: LockTime,
): Promise<boolean> {
  const bootId = readBootId(disk);
  const isOtherBoot = owner.bootId !== null && bootId !== null && owner.bootId !== bootId;
  if (owner.hasSocket === true && (socketIsOurs || isOtherBoot)) return false;
  const ownNamespace = readPidNamespace(disk);
  const isOtherNamespace = owner.pidNamespace != null && ownNamespace !== null && owner.pidNamespace !== ownNamespace;
  if (isOtherBoot || isOtherNamespace) return hasHeartbeat(disk, lockFile, owner, pace);
  return isProcessAlive(disk, owner);
}

async function hasHeartbeat(disk: Disk, lockFile: string, owner: Owner, pace: LockTime): Promise<boolean> {
  if (owner.beat === undefined) return false;
  await pace.wait(watchMs);
  const later = await readWrittenOwner(disk, lockFile);
  return later !== null && (later.nonce !== owner.nonce || later.beat !== owner.beat);
}

function isProcessAlive(disk: Disk, owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false;
    // EPERM: the process is alive and belongs to another user.
  }
  const found = readProcess(disk, owner.pid);
  if (found === null) return true;
  return !found.isZombie && (owner.startTime === null || owner.startTime === found.startTime);
}

/** null when /proc does not show the process. */
function readProcess(disk: Disk, pid: number): { startTime: string; isZombie: boolean } | null {
  try {
    const stat = disk.readFileSync(`/proc/${pid}/stat`).toString();
    // The second field is the command in parentheses and may hold anything; the third is the state.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const startTime = fields[19];
    return startTime === undefined ? null : { startTime, isZombie: fields[0] === 'Z' };
  } catch {
    return null; // No /proc, or the process has just ended.
  }
}

function readBootId(disk: Disk): string | null {
  try {
    return disk.readFileSync('/proc/sys/kernel/random/boot_id').toString().trim();
  } catch {
    return null; // Not Linux: then only the pid identifies the owner.
  }
}

/** As `pid:[4026531836]`; null where there is no /proc. */
function readPidNamespace(disk: Disk): string | null {
  try {
    return disk.readlinkSync('/proc/self/ns/pid');
  } catch {
    return null;
  }
}
