/**
 * A file system of its own in an image file on a loop device, and what a power cut at this moment would leave of it.
 *
 * The image holds what the file system has handed to its disk. What a program has written and no fsync has confirmed is
 * still in the page cache of the mounted file system, and so not in the image, unless the kernel wrote it back by itself.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface FileSystemKind {
  readonly name: string;
  readonly mkfs: readonly string[];
  readonly mountOptions: string;
  readonly imageBytes: number;
}

/** The kernel writes back now and then; a copy into which that has run is made anew. */
const copiesMax = 50;

/** null where such a file system can be made and mounted here; else why not. */
export function whyNotMountable(kind: FileSystemKind): string | null {
  const mountPoint = fs.mkdtempSync(path.join(os.tmpdir(), 'hybrid-mount-'));
  try {
    new LoopDisk(kind, mountPoint).remove();
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    fs.rmdirSync(mountPoint);
  }
}

export class LoopDisk {
  readonly #kind: FileSystemKind;
  readonly #mountPoint: string;
  readonly #directory: string;
  #image: string;
  #images = 0;

  /** Makes the file system and mounts it. */
  constructor(kind: FileSystemKind, mountPoint: string) {
    this.#kind = kind;
    this.#mountPoint = mountPoint;
    this.#directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hybrid-disk-'));
    this.#image = this.#nextImage();
    try {
      fs.writeFileSync(this.#image, '');
      fs.truncateSync(this.#image, kind.imageBytes);
      const [command = '', ...args] = kind.mkfs;
      run(command, ...args, this.#image);
      this.#mount();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Keeps what the disk holds at one moment. Whoever writes to it has been halted; the kernel has not. */
  copy(): string {
    const copy = this.#nextImage();
    for (let attempt = 1; attempt <= copiesMax; attempt += 1) {
      run('cp', '--sparse=auto', this.#image, copy);
      // Equal once more afterwards: so it is what the disk held in the moment between.
      if (spawnSync('cmp', ['-s', this.#image, copy]).status === 0) return copy;
    }
    throw new Error(`${this.#image} was written to during each of ${copiesMax} copies`);
  }

  /** The power is back: in the place of the file system stands the one that the copy holds. Nobody may use it. */
  restart(copy: string): void {
    this.#unmount();
    fs.rmSync(this.#image);
    this.#image = copy;
    this.#mount();
  }

  /** Whatever state it is in: unmounted, detached, its files gone. */
  remove(): void {
    this.#unmount();
    fs.rmSync(this.#directory, { recursive: true, force: true });
  }

  #nextImage(): string {
    this.#images += 1;
    return path.join(this.#directory, `${this.#images}.img`);
  }

  #mount(): void {
    const options = ['loop', this.#kind.mountOptions].filter((option) => option !== '').join();
    run('mount', '-o', options, this.#image, this.#mountPoint);
  }

  /** The loop device goes with the mount. A busy one goes when the last that uses it has. */
  #unmount(): void {
    if (spawnSync('umount', [this.#mountPoint]).status !== 0) spawnSync('umount', ['-l', this.#mountPoint]);
  }
}

function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) throw new Error(`${command}: ${error.message}`);
  if (status !== 0) throw new Error(`${command}: ${stderr.trim().split('\n')[0] ?? ''}`);
}
