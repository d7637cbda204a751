/**
 * Makes sure that a data directory has one owner. It uses two locks, because each has a hole:
 *
 * - on Linux, an abstract unix socket named by the device and inode of the directory. The kernel holds it and frees it
 * the
 *   moment its process is dead, and it is the same through any path or link. But each network namespace has its own
 *   names;
 * - a lock file with pid, start time, boot id and a nonce. It works across namespaces that see the process. But a kill
 * leaves
 *   it behind: it is stale when its process is dead, or its pid belongs to a process of another start time or boot.
 *
 * The queue file may be anywhere, so engines of different directories may name the same one. A second socket, named by
 * the directory and the name of the queue file, prevents that. No lock file is put there: the directory belongs to the
 * user.
 */
import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { StartError } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { errorCode, isAbsent, isOutOfHandles } from './disk-error.ts';
import { writeWholeSync } from './durable-file.ts';

export interface Lock {
  /**
   * False once the lock file is gone or belongs to another owner: then nothing may be written any more. True while the
   * lock file cannot be read, since that proves neither.
   */
  isHeld(): boolean;
  release(): Promise<void>;
}

const ownerSchema = z.object({
  pid: z.int().min(1),
  /** Field 22 of /proc/<pid>/stat; null where there is no /proc. */
  startTime: z.string().nullable(),
  bootId: z.string().nullable(),
  nonce: z.string(),
});
type Owner = z.infer<typeof ownerSchema>;

/** An owner that has just created its lock file needs a moment to write its pid: look this often, this far apart. */
const ownerLooksMax = 20;
const ownerLookEveryMs = 20;

/** Throws StartError with status 75 when another engine, or another store of this process, owns the data. */
export async function takeLock(disk: Disk, workflowsDir: string, lockFile: string, queueFile: string): Promise<Lock> {
  const socket = await holdSocket(disk, workflowsDir);
  if (socket === 'taken') throw inUse(workflowsDir, await findOwner(disk, lockFile));
  let queueSocket: net.Server | null = null;
  try {
    queueSocket = await holdQueueSocket(disk, queueFile);
    const owner = await takeLockFile(disk, workflowsDir, lockFile, socket !== null);
    return {
      isHeld: () => look(disk, lockFile, owner) !== 'lost',
      async release() {
        if (look(disk, lockFile, owner) === 'ours') disk.unlinkSync(lockFile);
        await closeSocket(queueSocket);
        await closeSocket(socket);
      },
    };
  } catch (error) {
    await closeSocket(queueSocket);
    await closeSocket(socket);
    throw error;
  }
}

/** null when the platform has no abstract sockets, or does not let us open one. */
async function holdSocket(disk: Disk, directory: string, suffix = ''): Promise<net.Server | 'taken' | null> {
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
  return server;
}

async function holdQueueSocket(disk: Disk, queueFile: string): Promise<net.Server | null> {
  // A file's name may have 255 bytes, more than fit into the name of a socket: take a hash.
  const name = createHash('sha256').update(path.basename(queueFile)).digest('hex').slice(0, 16);
  const socket = await holdSocket(disk, path.dirname(queueFile), `-queue-${name}`);
  if (socket !== 'taken') return socket;
  const wayOut = 'stop that one first, or set QUEUE_STATE_FILE to another file';
  throw new StartError(`QUEUE_STATE_FILE ${queueFile} is in use by an engine of another WORKFLOWS_DIR: ${wayOut}`, 75);
}

async function closeSocket(socket: net.Server | null): Promise<void> {
  if (socket !== null) await new Promise<void>((resolve) => socket.close(() => resolve()));
}

async function takeLockFile(disk: Disk, workflowsDir: string, lockFile: string, holdsSocket: boolean): Promise<Owner> {
  const owner: Owner = {
    pid: process.pid,
    startTime: readProcess(disk, process.pid)?.startTime ?? null,
    bootId: readBootId(disk),
    nonce: randomBytes(16).toString('hex'),
  };
  // Removes a stale file and tries again. After three tries without success another engine is starting.
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    if (createLockFile(disk, lockFile, owner)) return owner;
    const other = await readWrittenOwner(disk, lockFile);
    // We hold the socket, so a lock file with our own pid was left behind by a store of this process that was not
    // closed.
    const isOwnLeftover = holdsSocket && other?.pid === process.pid;
    if (other !== null && !isOwnLeftover && isAlive(disk, other)) throw inUse(workflowsDir, other.pid);
    if (disk.lstatSync(lockFile) !== null) disk.unlinkSync(lockFile);
  }
  throw inUse(workflowsDir, null);
}

function createLockFile(disk: Disk, lockFile: string, owner: Owner): boolean {
  let fd: number;
  try {
    fd = disk.openSync(lockFile, 'wx');
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    writeWholeSync(disk, fd, Buffer.from(`${JSON.stringify(owner)}\n`), 0);
  } finally {
    disk.closeSync(fd);
  }
  return true;
}

/**
 * A lock file without an owner is being written right now, or its process died while it wrote: then this returns null.
 */
async function readWrittenOwner(disk: Disk, lockFile: string): Promise<Owner | null> {
  for (let look = 1; look <= ownerLooksMax; look += 1) {
    const owner = readOwner(disk, lockFile);
    if (owner !== null || disk.lstatSync(lockFile) === null) return owner;
    await delay(ownerLookEveryMs);
  }
  return null;
}

async function findOwner(disk: Disk, lockFile: string): Promise<number | null> {
  for (let look = 1; look <= ownerLooksMax; look += 1) {
    const owner = readOwner(disk, lockFile);
    if (owner !== null && isAlive(disk, owner)) return owner.pid;
    await delay(ownerLookEveryMs);
  }
  return null;
}

function inUse(workflowsDir: string, pid: number | null): StartError {
  const who = pid === null ? 'another process' : pid === process.pid ? 'this process already' : `process ${pid}`;
  const wayOut = 'stop it first, or set WORKFLOWS_DIR to another directory';
  return new StartError(`WORKFLOWS_DIR ${workflowsDir} is in use by ${who}: ${wayOut}`, 75);
}

function look(disk: Disk, lockFile: string, owner: Owner): 'ours' | 'lost' | 'unknown' {
  let text: string;
  try {
    text = disk.readFileSync(lockFile).toString();
  } catch (error) {
    return isAbsent(error) || errorCode(error) === 'ENOTDIR' ? 'lost' : 'unknown';
  }
  return parseOwner(text)?.nonce === owner.nonce ? 'ours' : 'lost';
}

function readOwner(disk: Disk, lockFile: string): Owner | null {
  try {
    return parseOwner(disk.readFileSync(lockFile).toString());
  } catch (error) {
    if (isOutOfHandles(error)) throw error; // The file may name an owner.
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

function isAlive(disk: Disk, owner: Owner): boolean {
  const bootId = readBootId(disk);
  if (owner.bootId !== null && bootId !== null && owner.bootId !== bootId) return false;
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
