/**
 * A disk in memory that can lose power. Until a file is fsynced any of its writes may be lost, kept, or torn into garbage;
 * until a directory is fsynced any of its changes may be lost or kept, in any combination. Harsher than any real file
 * system, so that a missing fsync shows.
 */
import type { DirectoryEntry, Disk, FileStat } from '../../src/store/disk.ts';
import { diskError } from './fault-disk.ts';

interface FileNode {
  kind: 'file';
  bytes: Buffer;
  durable: Buffer;
  /** Since the last fsync. */
  changes: ((bytes: Buffer) => Buffer)[];
}

interface DirectoryNode {
  kind: 'directory';
  entries: Map<string, Node>;
  durable: Map<string, Node>;
  changes: { name: string; node: Node | null }[];
}

type Node = FileNode | DirectoryNode;

export type Random = () => number;

/** mulberry32: one seed, one history. */
export function createRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class PowerCutDisk {
  /** Operations left before the process dies; each counts. */
  operationsLeft = Number.POSITIVE_INFINITY;
  readonly #random: Random;
  readonly #root = createDirectory();
  readonly #open = new Map<number, FileNode>();
  #lastFd = 10;

  constructor(random: Random) {
    this.#random = random;
  }

  get isDead(): boolean {
    return this.operationsLeft <= 0;
  }

  /** The process is gone; with `power` so is what no fsync has confirmed. */
  restart({ power }: { power: boolean }): void {
    if (power) this.#lose(this.#root);
    this.#open.clear();
    this.operationsLeft = Number.POSITIVE_INFINITY;
  }

  get port(): Disk {
    const sync = this.#syncPort();
    return {
      ...sync,
      open: async (path, flags) => sync.openSync(path, flags),
      write: async (...args) => sync.writeSync(...args),
      truncate: async (fd, length) => sync.truncateSync(fd, length),
      fsync: async (fd) => sync.fsyncSync(fd),
      fdatasync: async (fd) => sync.fsyncSync(fd),
      close: async (fd) => sync.closeSync(fd),
      fsyncDirectory: async (path) => sync.fsyncDirectorySync(path),
      rename: async (from, to) => sync.renameSync(from, to),
      unlink: async (path) => sync.unlinkSync(path),
      mkdir: async (path) => sync.mkdirSync(path),
      removeTree: async (path) => sync.unlinkSync(path),
      readFile: async (path) => sync.readFileSync(path),
      lstat: async (path) => sync.lstatSync(path),
    };
  }

  #syncPort() {
    return {
      openSync: (path: string, flags: string): number => {
        this.#step();
        const { directory, name } = this.#parentOf(path);
        let node = directory.entries.get(name);
        if (flags === 'wx') {
          if (node) throw diskError('EEXIST');
          node = { kind: 'file', bytes: Buffer.alloc(0), durable: Buffer.alloc(0), changes: [] };
          setEntry(directory, name, node);
        }
        if (node?.kind !== 'file') throw diskError(node ? 'EISDIR' : 'ENOENT');
        this.#lastFd += 1;
        this.#open.set(this.#lastFd, node);
        return this.#lastFd;
      },
      writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number => {
        const piece = Buffer.from(bytes.subarray(offset, offset + length));
        // The last operation of a life may be half done.
        const kept = this.operationsLeft === 1 ? piece.subarray(0, Math.floor(this.#random() * length)) : piece;
        this.#change(this.#file(fd), (content) => overlay(content, kept, position));
        this.#step();
        return length;
      },
      truncateSync: (fd: number, length: number): void => {
        this.#step();
        this.#change(this.#file(fd), (content) => Buffer.from(content.subarray(0, length)));
      },
      fsyncSync: (fd: number): void => {
        this.#step();
        makeDurable(this.#file(fd));
      },
      fdatasyncSync: (fd: number): void => {
        this.#step();
        makeDurable(this.#file(fd));
      },
      closeSync: (fd: number): void => {
        this.#open.delete(fd);
      },
      fsyncDirectorySync: (path: string): void => {
        this.#step();
        const directory = this.#directory(path);
        directory.durable = new Map(directory.entries);
        directory.changes = [];
      },
      renameSync: (from: string, to: string): void => {
        this.#step();
        const source = this.#parentOf(from);
        const target = this.#parentOf(to);
        const node = source.directory.entries.get(source.name);
        if (!node) throw diskError('ENOENT');
        setEntry(target.directory, target.name, node);
        setEntry(source.directory, source.name, null);
      },
      unlinkSync: (path: string): void => {
        this.#step();
        const { directory, name } = this.#parentOf(path);
        if (!directory.entries.has(name)) throw diskError('ENOENT');
        setEntry(directory, name, null);
      },
      mkdirSync: (path: string): void => {
        this.#step();
        const { directory, name } = this.#parentOf(path);
        if (directory.entries.has(name)) throw diskError('EEXIST');
        setEntry(directory, name, createDirectory());
      },
      readFileSync: (path: string): Buffer => {
        this.#step();
        const node = this.#find(path);
        if (node?.kind !== 'file') throw diskError(node ? 'EISDIR' : 'ENOENT');
        return Buffer.from(node.bytes);
      },
      readDirectorySync: (path: string): DirectoryEntry[] => {
        this.#step();
        return [...this.#directory(path).entries].map(([name, node]) => ({ name, kind: node.kind }));
      },
      lstatSync: (path: string): FileStat | null => {
        this.#step();
        const node = this.#find(path);
        return node
          ? { kind: node.kind, bytes: node.kind === 'file' ? node.bytes.length : 0, dev: '1', ino: '1' }
          : null;
      },
      realpathSync: (path: string): string => {
        if (!this.#find(path)) throw diskError('ENOENT');
        return path;
      },
      accessDirectorySync: (path: string): void => {
        this.#directory(path);
      },
    };
  }

  #step(): void {
    this.operationsLeft -= 1;
    if (this.isDead) throw new Error('the process is dead');
  }

  #lose(directory: DirectoryNode): void {
    const entries = new Map(directory.durable);
    for (const { name, node } of directory.changes) {
      if (this.#random() < 0.5) continue;
      if (node) entries.set(name, node);
      else entries.delete(name);
    }
    directory.entries = entries;
    directory.durable = new Map(entries);
    directory.changes = [];
    for (const node of entries.values()) {
      if (node.kind === 'directory') this.#lose(node);
      else this.#loseWrites(node);
    }
  }

  #loseWrites(file: FileNode): void {
    let content = file.durable;
    for (const change of file.changes) {
      const chance = this.#random();
      if (chance < 0.4) continue;
      const changed = change(content);
      const from = Math.min(content.length, changed.length);
      if (chance < 0.7 && changed.length > from) {
        // A sector of what was added is not what was written.
        const at = from + Math.floor(this.#random() * (changed.length - from));
        changed.fill(this.#random() < 0.5 ? 0 : 0xa5, at, Math.min(changed.length, at + 512));
      }
      content = changed;
    }
    file.bytes = content;
    makeDurable(file);
  }

  #change(file: FileNode, change: (bytes: Buffer) => Buffer): void {
    file.bytes = change(file.bytes);
    file.changes.push(change);
  }

  #file(fd: number): FileNode {
    const file = this.#open.get(fd);
    if (!file) throw diskError('EBADF');
    return file;
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      node = node?.kind === 'directory' ? node.entries.get(name) : undefined;
    }
    return node;
  }

  #directory(path: string): DirectoryNode {
    const node = this.#find(path);
    if (node?.kind !== 'directory') throw diskError(node ? 'ENOTDIR' : 'ENOENT');
    return node;
  }

  #parentOf(path: string): { directory: DirectoryNode; name: string } {
    const at = path.lastIndexOf('/');
    return { directory: this.#directory(path.slice(0, at)), name: path.slice(at + 1) };
  }
}

function createDirectory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), durable: new Map(), changes: [] };
}

function setEntry(directory: DirectoryNode, name: string, node: Node | null): void {
  if (node) directory.entries.set(name, node);
  else directory.entries.delete(name);
  directory.changes.push({ name, node });
}

function makeDurable(file: FileNode): void {
  file.durable = file.bytes;
  file.changes = [];
}

function overlay(content: Buffer, piece: Uint8Array, position: number): Buffer {
  const result = Buffer.alloc(Math.max(content.length, position + piece.length));
  content.copy(result);
  result.set(piece, position);
  return result;
}
