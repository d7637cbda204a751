/**
 * The disk as the store uses it: a port with few operations, so that a fake can count, fail, tear and lose them. The
 * store touches every file through it.
 *
 * What survives a power cut: the bytes of a file, once `fsync` or `fdatasync` of the file has returned; its name, once
 * `fsyncDirectory` of its directory has returned. After a rename the name shows the old file or the new one, never
 * neither. Errors carry Node's `code` (`ENOENT`, `ENOSPC`, …). New files get mode 0600, new directories 0700.
 */
import fs from 'node:fs';
import { promisify } from 'node:util';

type FileKind = 'file' | 'directory' | 'symlink' | 'other';

export interface FileStat {
  kind: FileKind;
  bytes: number;
  /** Device and inode as decimal text: both can exceed a double. */
  dev: string;
  ino: string;
  /** When its content was last written, in milliseconds since 1970. */
  writtenAt: number;
}

export interface DirectoryEntry {
  name: string;
  kind: FileKind;
}

/** `r` reads, `wx` creates and fails where something exists, `r+` writes an existing file in place. */
type OpenFlags = 'r' | 'wx' | 'r+';

export interface Disk {
  openSync(path: string, flags: OpenFlags): number;
  /** May write fewer bytes than `length`; returns how many it has written. */
  writeSync(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  truncateSync(fd: number, length: number): void;
  fsyncSync(fd: number): void;
  fdatasyncSync(fd: number): void;
  closeSync(fd: number): void;
  fsyncDirectorySync(path: string): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  /** Creates one directory; its parent exists. */
  mkdirSync(path: string): void;
  readFileSync(path: string): Buffer;
  readDirectorySync(path: string): DirectoryEntry[];
  /** Looks at the entry itself and follows no links; null when there is no entry. */
  lstatSync(path: string): FileStat | null;
  realpathSync(path: string): string;
  /** What a symbolic link names, without following it. */
  readlinkSync(path: string): string;
  /** Bytes that this user may still write to the file system of the directory. */
  freeBytesSync(directory: string): number;
  /** Throws unless this process may list, enter and change the directory. */
  accessDirectorySync(path: string): void;

  open(path: string, flags: OpenFlags): Promise<number>;
  write(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  truncate(fd: number, length: number): Promise<void>;
  fsync(fd: number): Promise<void>;
  fdatasync(fd: number): Promise<void>;
  close(fd: number): Promise<void>;
  fsyncDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  mkdir(path: string): Promise<void>;
  /** Removes a directory with everything in it; follows no links. */
  removeTree(path: string): Promise<void>;
  readFile(path: string): Promise<Buffer>;
  lstat(path: string): Promise<FileStat | null>;
}

const fileMode = 0o600;
const directoryMode = 0o700;
/** Windows cannot open a directory for fsync; its file system makes names durable by itself. */
const directoriesCannotSync = process.platform === 'win32';

const open = promisify(fs.open);
const write = promisify(fs.write);
const fsync = promisify(fs.fsync);
const close = promisify(fs.close);

export function createNodeDisk(): Disk {
  return {
    openSync: (path, flags) => fs.openSync(path, flags, fileMode),
    writeSync: (fd, bytes, offset, length, position) => fs.writeSync(fd, bytes, offset, length, position),
    truncateSync: (fd, length) => fs.ftruncateSync(fd, length),
    fsyncSync: (fd) => fs.fsyncSync(fd),
    fdatasyncSync: (fd) => fs.fdatasyncSync(fd),
    closeSync: (fd) => fs.closeSync(fd),
    fsyncDirectorySync(path) {
      if (directoriesCannotSync) return;
      const fd = fs.openSync(path, 'r');
      try {
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
    },
    renameSync: (from, to) => fs.renameSync(from, to),
    unlinkSync: (path) => fs.unlinkSync(path),
    mkdirSync: (path) => fs.mkdirSync(path, { mode: directoryMode }),
    readFileSync: (path) => fs.readFileSync(path),
    readDirectorySync: (path) =>
      fs.readdirSync(path, { withFileTypes: true }).map((entry) => ({ name: entry.name, kind: kindOf(entry) })),
    lstatSync: (path) => toFileStat(fs.lstatSync(path, { bigint: true, throwIfNoEntry: false })),
    realpathSync: (path) => fs.realpathSync(path),
    readlinkSync: (path) => fs.readlinkSync(path),
    freeBytesSync(directory) {
      const { bavail, bsize } = fs.statfsSync(directory);
      return bavail * bsize;
    },
    accessDirectorySync: (path) => fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK),

    open: (path, flags) => open(path, flags, fileMode),
    async write(fd, bytes, offset, length, position) {
      return (await write(fd, bytes, offset, length, position)).bytesWritten;
    },
    truncate: promisify(fs.ftruncate),
    fsync,
    fdatasync: promisify(fs.fdatasync),
    close,
    async fsyncDirectory(path) {
      if (directoriesCannotSync) return;
      const fd = await open(path, 'r');
      try {
        await fsync(fd);
      } finally {
        await close(fd);
      }
    },
    rename: promisify(fs.rename),
    unlink: promisify(fs.unlink),
    mkdir: (path) => fs.promises.mkdir(path, { mode: directoryMode }),
    removeTree: (path) => fs.promises.rm(path, { recursive: true, force: true }),
    readFile: (path) => fs.promises.readFile(path),
    async lstat(path) {
      try {
        return toFileStat(await fs.promises.lstat(path, { bigint: true }));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
    },
  };
}

function kindOf(entry: fs.Dirent | fs.BigIntStats): FileKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'symlink' : 'other';
}

function toFileStat(stat: fs.BigIntStats | undefined): FileStat | null {
  if (stat === undefined) return null;
  return {
    kind: kindOf(stat),
    bytes: Number(stat.size),
    dev: String(stat.dev),
    ino: String(stat.ino),
    writtenAt: Number(stat.mtimeMs),
  };
}
