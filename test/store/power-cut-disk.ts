/**
 * A disk in memory that can lose power. Until a file is fsynced any of its writes may be lost, kept, or torn into garbage;
 * until a directory is fsynced any of its changes may be lost or kept, in any combination. Harsher than any real file
 * system, so that a missing fsync shows.
 */
import type { DirectoryEntry, Disk, FileStat } from '../../src/store/disk.ts';
import { diskError } from './fault-disk.ts';

type Change = { kind: 'write'; piece: Buffer; position: number } | { kind: 'truncate'; length: number };

interface FileNode {
  kind: 'file';
  /** What the process reads: the first `length` bytes. */
  bytes: Buffer;
  length: number;
  durable: Buffer;
  /** Since the last fsync. */
  changes: Change[];
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

/** What a simulation adds to the disk. */
export interface DiskPacing {
  /** Carries out an asynchronous operation, when its time has come. Without it: at once. */
  later?(run: () => void): void;
  /** Told of each operation before it happens. */
  onOperation?(name: keyof Disk, path: string): void;
  /** How many of `length` bytes a write takes, at least one. */
  shorten?(length: number): number;
}

export class PowerCutDisk {
  /** Operations left before the process dies; each counts. */
  operationsLeft = Number.POSITIVE_INFINITY;
  operationsDone = 0;
  readonly #random: Random;
  readonly #pacing: DiskPacing;
  readonly #root = createDirectory();
  readonly #open = new Map<number, { node: FileNode; path: string }>();
  #lastFd = 10;

  constructor(random: Random, pacing: DiskPacing = {}) {
    this.#random = random;
    this.#pacing = pacing;
  }

  get isDead(): boolean {
    return this.operationsLeft <= 0;
  }

  /** The process dies here and now. */
  kill(): void {
    this.operationsLeft = 0;
  }

  /** The process is gone; with `power` so is what no fsync has confirmed. */
  restart({ power }: { power: boolean }): void {
    if (power) this.#lose(this.#root);
    this.#open.clear();
    this.operationsLeft = Number.POSITIVE_INFINITY;
  }

  /** A file as it would be read now, without an operation; null when there is none. Not a copy: it is for reading at once. */
  peek(path: string): Buffer | null {
    const node = this.#find(path);
    return node?.kind === 'file' ? node.bytes.subarray(0, node.length) : null;
  }

  /** Names in a directory, without an operation; empty when there is none. */
  peekNames(path: string): string[] {
    const node = this.#find(path);
    return node?.kind === 'directory' ? [...node.entries.keys()] : [];
  }

  get port(): Disk {
    const sync = this.#syncPort();
    const run = <T>(operation: () => T): Promise<T> => this.#run(operation);
    return {
      ...sync,
      open: (path, flags) => run(() => sync.openSync(path, flags)),
      write: (...args) => run(() => sync.writeSync(...args)),
      truncate: (fd, length) => run(() => sync.truncateSync(fd, length)),
      fsync: (fd) => run(() => sync.fsyncSync(fd)),
      fdatasync: (fd) => run(() => sync.fdatasyncSync(fd)),
      close: (fd) => run(() => sync.closeSync(fd)),
      fsyncDirectory: (path) => run(() => sync.fsyncDirectorySync(path)),
      rename: (from, to) => run(() => sync.renameSync(from, to)),
      unlink: (path) => run(() => sync.unlinkSync(path)),
      mkdir: (path) => run(() => sync.mkdirSync(path)),
      removeTree: (path) => run(() => this.#removeTree(path)),
      readFile: (path) => run(() => sync.readFileSync(path)),
      lstat: (path) => run(() => sync.lstatSync(path)),
    };
  }

  #run<T>(operation: () => T): Promise<T> {
    const { later } = this.#pacing;
    return new Promise((resolve, reject) => {
      const attempt = (): void => {
        try {
          resolve(operation());
        } catch (error) {
          // What a dead process was waiting for never comes.
          if (!later || !this.isDead) reject(error);
        }
      };
      if (!later) attempt();
      else
        later(() => {
          if (!this.isDead) attempt();
        });
    });
  }

  #syncPort() {
    return {
      openSync: (path: string, flags: string): number => {
        this.#step('openSync', path);
        const { directory, name } = this.#parentOf(path);
        let node = directory.entries.get(name);
        if (flags === 'wx') {
          if (node) throw diskError('EEXIST');
          node = createFile(Buffer.alloc(0));
          setEntry(directory, name, node);
        }
        if (node?.kind !== 'file') throw diskError(node ? 'EISDIR' : 'ENOENT');
        this.#lastFd += 1;
        this.#open.set(this.#lastFd, { node, path });
        return this.#lastFd;
      },
      writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number => {
        const { node, path } = this.#file(fd);
        if (this.isDead) this.#step('writeSync', path);
        const taken = Math.max(1, Math.min(length, this.#pacing.shorten?.(length) ?? length));
        // The last operation of a life may be half done.
        const kept = this.operationsLeft === 1 ? Math.floor(this.#random() * taken) : taken;
        write(node, Buffer.from(bytes.subarray(offset, offset + kept)), position);
        this.#step('writeSync', path);
        return Math.min(taken, length);
      },
      truncateSync: (fd: number, length: number): void => {
        const { node, path } = this.#file(fd);
        this.#step('truncateSync', path);
        node.length = Math.min(node.length, length);
        node.changes.push({ kind: 'truncate', length });
      },
      fsyncSync: (fd: number): void => {
        const { node, path } = this.#file(fd);
        this.#step('fsyncSync', path);
        makeDurable(node);
      },
      fdatasyncSync: (fd: number): void => {
        const { node, path } = this.#file(fd);
        this.#step('fdatasyncSync', path);
        makeDurable(node);
      },
      closeSync: (fd: number): void => {
        this.#open.delete(fd);
      },
      fsyncDirectorySync: (path: string): void => {
        this.#step('fsyncDirectorySync', path);
        const directory = this.#directory(path);
        if (directory.changes.length === 0) return;
        directory.durable = new Map(directory.entries);
        directory.changes = [];
      },
      renameSync: (from: string, to: string): void => {
        this.#step('renameSync', to);
        const source = this.#parentOf(from);
        const target = this.#parentOf(to);
        const node = source.directory.entries.get(source.name);
        if (!node) throw diskError('ENOENT');
        setEntry(target.directory, target.name, node);
        setEntry(source.directory, source.name, null);
      },
      unlinkSync: (path: string): void => {
        this.#step('unlinkSync', path);
        const { directory, name } = this.#parentOf(path);
        if (!directory.entries.has(name)) throw diskError('ENOENT');
        setEntry(directory, name, null);
      },
      mkdirSync: (path: string): void => {
        this.#step('mkdirSync', path);
        const { directory, name } = this.#parentOf(path);
        if (directory.entries.has(name)) throw diskError('EEXIST');
        setEntry(directory, name, createDirectory());
      },
      readFileSync: (path: string): Buffer => {
        this.#step('readFileSync', path);
        const node = this.#find(path);
        if (node?.kind !== 'file') throw diskError(node ? 'EISDIR' : 'ENOENT');
        return Buffer.from(node.bytes.subarray(0, node.length));
      },
      readDirectorySync: (path: string): DirectoryEntry[] => {
        this.#step('readDirectorySync', path);
        return [...this.#directory(path).entries].map(([name, node]) => ({ name, kind: node.kind }));
      },
      lstatSync: (path: string): FileStat | null => {
        this.#step('lstatSync', path);
        const node = this.#find(path);
        if (!node) return null;
        // As old as can be: nothing is spared for its age.
        return { kind: node.kind, bytes: node.kind === 'file' ? node.length : 0, dev: '1', ino: '1', writtenAt: 0 };
      },
      realpathSync: (path: string): string => {
        if (!this.#find(path)) throw diskError('ENOENT');
        return path;
      },
      freeBytesSync: (): number => Number.POSITIVE_INFINITY,
      readlinkSync: (): string => {
        throw diskError('ENOENT');
      },
      accessDirectorySync: (path: string): void => {
        this.#directory(path);
      },
    };
  }

  /** One entry after the other: a process may die in between. */
  #removeTree(path: string): void {
    const node = this.#find(path);
    if (node?.kind === 'directory') for (const name of node.entries.keys()) this.#removeTree(`${path}/${name}`);
    this.#step('unlinkSync', path);
    if (node === undefined) return;
    const { directory, name } = this.#parentOf(path);
    setEntry(directory, name, null);
  }

  #step(name: keyof Disk, path: string): void {
    this.operationsLeft -= 1;
    if (this.isDead) throw new Error('the process is dead');
    this.operationsDone += 1;
    this.#pacing.onOperation?.(name, path);
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
    if (file.changes.length === 0) return;
    const survivor = createFile(Buffer.from(file.durable));
    for (const change of file.changes) {
      const chance = this.#random();
      if (chance < 0.4) continue;
      const from = survivor.length;
      if (change.kind === 'write') write(survivor, change.piece, change.position);
      else survivor.length = Math.min(survivor.length, change.length);
      if (chance < 0.7 && survivor.length > from) {
        // A sector of what was added is not what was written.
        const at = from + Math.floor(this.#random() * (survivor.length - from));
        survivor.bytes.fill(this.#random() < 0.5 ? 0 : 0xa5, at, Math.min(survivor.length, at + 512));
      }
    }
    file.bytes = survivor.bytes;
    file.length = survivor.length;
    makeDurable(file);
  }

  #file(fd: number): { node: FileNode; path: string } {
    const file = this.#open.get(fd);
    if (!file) throw diskError('EBADF');
    return file;
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      if (node?.kind !== 'directory') return undefined;
      node = node.entries.get(name);
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

function createFile(bytes: Buffer): FileNode {
  return { kind: 'file', bytes, length: bytes.length, durable: Buffer.alloc(0), changes: [] };
}

function createDirectory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), durable: new Map(), changes: [] };
}

function setEntry(directory: DirectoryNode, name: string, node: Node | null): void {
  if (node) directory.entries.set(name, node);
  else directory.entries.delete(name);
  directory.changes.push({ name, node });
}

/** What is durable shares the bytes with what is read, as long as nothing is written over it. */
function makeDurable(file: FileNode): void {
  file.durable = file.bytes.subarray(0, file.length);
  file.changes = [];
}

function write(file: FileNode, piece: Buffer, position: number): void {
  const end = position + piece.length;
  if (end > file.bytes.length || position < file.durable.length) {
    const grown = Buffer.alloc(Math.max(2 * end, file.bytes.length));
    file.bytes.copy(grown, 0, 0, file.length);
    file.bytes = grown;
  }
  if (position > file.length) file.bytes.fill(0, file.length, position);
  piece.copy(file.bytes, position);
  file.length = Math.max(file.length, end);
  file.changes.push({ kind: 'write', piece, position });
}
