/**
 * Makes sure that a data directory has one owner. It uses three locks, because each has a hole:
 *
 * - on Linux, an abstract unix socket named by the device and inode of the directory. The kernel holds it and frees it
 *   the moment its process is dead, and it is the same through any path or link. But each network namespace has its own
 *   names;
 * - a unix socket by path in `.engine/` (`owner-socket.ts`). It is seen from every namespace, so from other containers
 *   too. But some volumes hold no sockets, and Windows has none;
 * - a lock file (`lock-file.ts`) with pid, start time, boot id and a nonce. A kill leaves it behind: it is stale when its
 *   owner is dead. Where no socket can be made it has a heartbeat, and its nonce is read again before each batch is
 *   acknowledged.
 *
 * The queue file may be anywhere, so engines of different directories may name the same one. A second abstract socket,
 * named by the directory and the name of the queue file, prevents that within one network namespace. No lock file is
 * put there: the directory belongs to the user.
 */
import { createHash } from 'node:crypto';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StartError } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { errorCode, isForbidden } from './disk-error.ts';
import {
  createLockFile,
  describeSelf,
  isOwnerAlive,
  type LockTime,
  look,
  type Owner,
  ownerLookEveryMs,
  ownerLooksMax,
  readOwner,
  readWrittenOwner,
  realLockTime,
  startBeating,
} from './lock-file.ts';
import { type HeldSocket, holdOwnerSocket } from './owner-socket.ts';

export interface Lock {
  /** True where no socket could be made: then `isHeld` is asked before each batch is acknowledged. */
  readonly isFileOnly?: boolean;
  /**
   * False once the lock file is gone or belongs to another owner: then nothing may be written any more. True while the
   * lock file cannot be read, since that proves neither.
   */
  isHeld(): boolean;
  release(): Promise<void>;
}

/** Throws StartError with status 75 when another engine, or another store of this process, owns the data. */
export async function takeLock(
  disk: Disk,
  workflowsDir: string,
  lockFile: string,
  queueFile: string,
  pace: LockTime = realLockTime,
): Promise<Lock> {
  const held: { close(): Promise<void> }[] = [];
  const closeAll = async () => {
    for (const socket of held.toReversed()) await socket.close();
  };
  try {
    const named = await holdNamedSocket(disk, workflowsDir);
    if (named === 'taken') throw inUse(workflowsDir, await findOwnerPid(disk, lockFile));
    if (named !== null) held.push(named);
    const owned = await holdOwnerSocket(disk, path.dirname(lockFile));
    if (owned === 'taken') throw inUse(workflowsDir, await findOwnerPid(disk, lockFile));
    if (owned !== null) held.push(owned);
    const queued = await holdQueueSocket(disk, queueFile);
    if (queued !== null) held.push(queued);
    const owner = await takeLockFile(disk, workflowsDir, lockFile, { named, owned, pace });
    const endBeats = owned === null ? startBeating(disk, lockFile, owner, pace) : () => undefined;
    return {
      isFileOnly: owned === null,
      isHeld: () => look(disk, lockFile, owner) !== 'lost',
      async release() {
        endBeats();
        if (look(disk, lockFile, owner) === 'ours') disk.unlinkSync(lockFile);
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** null when the platform has no abstract sockets, or does not let us open one. */
async function holdNamedSocket(disk: Disk, directory: string, suffix = ''): Promise<HeldSocket | 'taken' | null> {
  if (process.platform !== 'linux') return null;
  const stat = disk.lstatSync(disk.realpathSync(directory));
  if (stat === null) return null;
  const server = net.createServer((connection) => connection.destroy());
  const code = await new Promise<string | undefined>((resolve) => {
    server.once('error', (error) => resolve(errorCode(error) ?? 'unknown'));
    server.listen({ path: `\0hybrid-${stat.dev}-${stat.ino}${suffix}` }, () => resolve(undefined));
  });
  if (code === 'EADDRINUSE') return 'taken';
  if (code !== undefined) return null;
  server.unref();
  return { close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

async function holdQueueSocket(disk: Disk, queueFile: string): Promise<HeldSocket | null> {
  // A file's name may have 255 bytes, more than fit into the name of a socket: take a hash.
  const name = createHash('sha256').update(path.basename(queueFile)).digest('hex').slice(0, 16);
  const socket = await holdNamedSocket(disk, path.dirname(queueFile), `-queue-${name}`);
  if (socket !== 'taken') return socket;
  const wayOut = 'stop that one first, or set QUEUE_STATE_FILE to another file';
  throw new StartError(`QUEUE_STATE_FILE ${queueFile} is in use by an engine of another WORKFLOWS_DIR: ${wayOut}`, 75);
}

interface Sockets {
  named: HeldSocket | null;
  owned: HeldSocket | null;
  pace: LockTime;
}

async function takeLockFile(disk: Disk, workflowsDir: string, lockFile: string, sockets: Sockets): Promise<Owner> {
  const { named, owned, pace } = sockets;
  const owner = describeSelf(disk, owned !== null);
  // Removes a stale file and tries again. After three tries without success another engine is starting.
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    if (createLockFile(disk, lockFile, owner)) return owner;
    const other = await readWrittenOwner(disk, lockFile).catch((error: unknown) => {
      if (owned === null || !isForbidden(error)) throw error;
      return null; // LF3.
    });
    // We hold a socket, so a lock file with our own pid was left behind by a store of this process that was not closed,
    // or by an earlier process that had our pid.
    const isOwnLeftover = (named !== null || owned !== null) && isSelf(other, owner);
    const isAlive =
      other !== null && !isOwnLeftover && (await isOwnerAlive(disk, lockFile, other, owned !== null, pace));
    if (isAlive) throw inUse(workflowsDir, describeOwner(other, owner));
    if (disk.lstatSync(lockFile) !== null) disk.unlinkSync(lockFile);
  }
  throw inUse(workflowsDir, null);
}

/** Two containers both have a process 1: the namespace has to be the same too. */
function isSelf(other: Owner | null, self: Owner): boolean {
  return other?.pid === self.pid && (other.pidNamespace ?? self.pidNamespace) === self.pidNamespace;
}

/** Who owns the data, as the message says it. */
interface Described {
  pid: number;
  isElsewhere: boolean;
}

function describeOwner(other: Owner, self: Owner): Described {
  return { pid: other.pid, isElsewhere: (other.pidNamespace ?? self.pidNamespace) !== self.pidNamespace };
}

/** Somebody holds a socket. The lock file says who; the owner may be just writing it. */
async function findOwnerPid(disk: Disk, lockFile: string): Promise<Described | null> {
  const self = describeSelf(disk, false);
  for (let count = 1; count <= ownerLooksMax; count += 1) {
    const owner = readOwnerOrNull(disk, lockFile);
    if (owner !== null) {
      const described = describeOwner(owner, self);
      // A dead process of this namespace left the file, and the owner has not replaced it yet.
      const still = { ...owner, hasSocket: false };
      if (described.isElsewhere || (await isOwnerAlive(disk, lockFile, still, false, realLockTime))) return described;
    }
    await delay(ownerLookEveryMs);
  }
  return null;
}

/** For the message alone: it does without the name of an owner whose file cannot be read. */
function readOwnerOrNull(disk: Disk, lockFile: string): Owner | null {
  try {
    return readOwner(disk, lockFile);
  } catch (error) {
    if (isForbidden(error)) return null;
    throw error;
  }
}

function inUse(workflowsDir: string, owner: Described | null): StartError {
  const wayOut = 'stop it first, or set WORKFLOWS_DIR to another directory';
  return new StartError(`WORKFLOWS_DIR ${workflowsDir} is in use by ${nameOwner(owner)}: ${wayOut}`, 75);
}

function nameOwner(owner: Described | null): string {
  if (owner === null) return 'another process';
  if (owner.isElsewhere) return `process ${owner.pid} of another container or machine`;
  return owner.pid === process.pid ? 'this process already' : `process ${owner.pid}`;
}
