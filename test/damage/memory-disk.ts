/**
 * A disk in memory that is cheap to copy: tests damage a copy of the same data directory thousands of times, and start an
 * engine on each. Nothing is ever lost or refused; what befalls the bytes is the test's own doing.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Disk } from '../../src/store/disk.ts';
import { diskError } from '../store/fault-disk.ts';

interface Node {
  kind: 'file' | 'directory';
  /** Never changed in place, so that copies of the disk share them. */
  bytes: Buffer;
}

const nothing = Buffer.alloc(0);
let disks = 0;

export class MemoryDisk {
  readonly port: Disk;
  readonly #nodes: Map<string, Node>;
  readonly #open = new Map<number, Node>();
  readonly #number: number;
  #lastFd = 10;

  constructor(nodes = new Map<string, Node>([['/', { kind: 'directory', bytes: nothing }]])) {
    this.#nodes = nodes;
    disks += 1;
    this.#number = disks;
    this.port = this.#createPort();
  }

  /** The same bytes under no one's hands; what a crash at this moment leaves. */
  clone(): MemoryDisk {
    return new MemoryDisk(new Map([...this.#nodes].map(([name, { kind, bytes }]) => [name, { kind, bytes }])));
  }

  /** Paths of all files, sorted. */
  files(): string[] {
    return [...this.#nodes].flatMap(([name, { kind }]) => (kind === 'file' ? [name] : [])).sort();
  }

  has(file: string): boolean {
    return this.#nodes.has(file);
  }

  read(file: string): Buffer {
    return this.#file(file).bytes;
  }

  /** Puts a file there, its directories too. */
  put(file: string, bytes: Buffer): void {
    for (let at = path.dirname(file); !this.#nodes.has(at); at = path.dirname(at))
      this.#nodes.set(at, { kind: 'directory', bytes: nothing });
    this.#nodes.set(file, { kind: 'file', bytes });
  }

  remove(file: string): void {
    this.#nodes.delete(file);
  }

  #file(file: string): Node {
    const node = this.#nodes.get(file);
    if (node === undefined) throw diskError('ENOENT');
    if (node.kind === 'directory') throw diskError('EISDIR');
    return node;
  }

  #create(file: string, kind: Node['kind']): Node {
    if (this.#nodes.has(file)) throw diskError('EEXIST');
    if (this.#nodes.get(path.dirname(file))?.kind !== 'directory') throw diskError('ENOENT');
    const node = { kind, bytes: nothing };
    this.#nodes.set(file, node);
    return node;
  }

  #inside(directory: string): string[] {
    return [...this.#nodes.keys()].filter((name) => name.startsWith(`${directory}/`));
  }

  #createPort(): Disk {
    const fileOf = (fd: number): Node => {
      const node = this.#open.get(fd);
      if (node === undefined) throw diskError('EBADF');
      return node;
    };
    const nothingToSync = (): void => undefined;
    const sync = {
      openSync: (file: string, flags: string): number => {
        const node = flags === 'wx' ? this.#create(file, 'file') : this.#file(file);
        this.#lastFd += 1;
        this.#open.set(this.#lastFd, node);
        return this.#lastFd;
      },
      writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number => {
        const node = fileOf(fd);
        const changed = Buffer.alloc(Math.max(node.bytes.length, position + length));
        node.bytes.copy(changed);
        changed.set(bytes.subarray(offset, offset + length), position);
        node.bytes = changed;
        return length;
      },
      truncateSync: (fd: number, length: number): void => {
        const node = fileOf(fd);
        node.bytes = node.bytes.subarray(0, length);
      },
      fsyncSync: nothingToSync,
      fdatasyncSync: nothingToSync,
      closeSync: (fd: number): void => {
        this.#open.delete(fd);
      },
      fsyncDirectorySync: nothingToSync,
      renameSync: (from: string, to: string): void => {
        const node = this.#nodes.get(from);
        if (node === undefined) throw diskError('ENOENT');
        this.#nodes.delete(from);
        this.#nodes.set(to, node);
      },
      unlinkSync: (file: string): void => {
        this.#file(file);
        this.#nodes.delete(file);
      },
      mkdirSync: (directory: string): void => void this.#create(directory, 'directory'),
      // The lock asks the real machine which processes live.
      readFileSync: (file: string): Buffer =>
        file.startsWith('/proc/') ? fs.readFileSync(file) : this.#file(file).bytes,
      readDirectorySync: (directory: string) => {
        if (this.#nodes.get(directory)?.kind !== 'directory') throw diskError('ENOENT');
        const from = directory.length + 1;
        return [...this.#nodes].flatMap(([name, { kind }]) =>
          name.startsWith(`${directory}/`) && !name.includes('/', from) ? [{ name: name.slice(from), kind }] : [],
        );
      },
      lstatSync: (file: string) => {
        const node = this.#nodes.get(file);
        if (node === undefined) return null;
        const ino = String(this.#number);
        return { kind: node.kind, bytes: node.bytes.length, dev: `memory-${process.pid}`, ino, writtenAt: 0 };
      },
      realpathSync: (file: string): string => {
        if (!this.#nodes.has(file)) throw diskError('ENOENT');
        return file;
      },
      freeBytesSync: (): number => Number.POSITIVE_INFINITY,
      readlinkSync: (file: string): string => fs.readlinkSync(file),
      accessDirectorySync: nothingToSync,
    };
    return {
      ...sync,
      open: async (file, flags) => sync.openSync(file, flags),
      write: async (...args) => sync.writeSync(...args),
      truncate: async (fd, length) => sync.truncateSync(fd, length),
      fsync: async () => undefined,
      fdatasync: async () => undefined,
      close: async (fd) => sync.closeSync(fd),
      fsyncDirectory: async () => undefined,
      rename: async (from, to) => sync.renameSync(from, to),
      unlink: async (file) => sync.unlinkSync(file),
      mkdir: async (directory) => sync.mkdirSync(directory),
      removeTree: async (directory) => {
        for (const name of [...this.#inside(directory), directory]) this.#nodes.delete(name);
      },
      readFile: async (file) => sync.readFileSync(file),
      lstat: async (file) => sync.lstatSync(file),
    };
  }
}
