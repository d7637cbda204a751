/** Real file systems of a size that the test chooses; unmounted with the test, whatever became of it. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function unmount(directory: string): void {
  // Lazily: a process that is being killed may still stand in it.
  run('umount', '-l', directory);
}

/** Why this machine cannot mount what a test needs; null where it can. */
function findReason(commands: readonly string[], probe: (directory: string) => void): string | null {
  if (process.platform !== 'linux') return 'needs Linux';
  for (const command of commands) {
    try {
      run('sh', '-c', `command -v ${command}`);
    } catch {
      return `${command} is not installed`;
    }
  }
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hybrid-engine-probe-'));
  try {
    probe(directory);
    return null;
  } catch (error) {
    return `not allowed here (${String(error).split('\n')[0]?.slice(0, 80)})`;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

export const noTmpfs = findReason(['mount', 'umount'], (directory) => {
  run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory);
  unmount(directory);
});

export const noLoop =
  noTmpfs ??
  findReason(['mkfs.ext4', 'losetup', 'e2fsck'], (directory) => {
    const image = makeImage(path.join(directory, 'image'), '4M');
    const mountPoint = path.join(directory, 'mounted');
    fs.mkdirSync(mountPoint);
    run('mount', '-o', 'loop', image, mountPoint);
    run('umount', mountPoint);
  });

export const noStrace = findReason(['strace'], () => {
  run('strace', '-f', '-o', '/dev/null', '-e', 'trace=none', 'true');
});

/** A test's name says why it was left out. */
export function named(name: string, reason: string | null): string {
  return reason === null ? name : `${name} (SKIPPED: ${reason})`;
}

export function mountTmpfs(directory: string, options: string): void {
  run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', directory);
  onTestFinished(() => unmount(directory));
}

export function remount(directory: string, options: string): void {
  run('mount', '-o', `remount,${options}`, directory);
}

/** A sparse image with ext4 on it. */
export function makeImage(file: string, size: string, ...features: string[]): string {
  fs.closeSync(fs.openSync(file, 'wx'));
  run('truncate', '-s', size, file);
  run('mkfs.ext4', '-q', '-F', ...features, file);
  return file;
}

export interface LoopMount {
  /** `loop0` and the like. */
  device: string;
  unmount(): void;
}

export function mountLoop(image: string, directory: string, options = ''): LoopMount {
  const device = run('losetup', '--find', '--show', image).trim();
  let isMounted = false;
  let isAttached = true;
  const end = () => {
    if (isMounted) unmount(directory);
    isMounted = false;
    if (isAttached) run('losetup', '-d', device);
    isAttached = false;
  };
  onTestFinished(end);
  run('mount', ...(options === '' ? [] : ['-o', options]), device, directory);
  isMounted = true;
  return { device: path.basename(device), unmount: end };
}

/** What a start of the machine does before it mounts: repairs, and fails only on what it cannot repair. */
export function repair(image: string): void {
  try {
    run('e2fsck', '-f', '-y', image);
  } catch (error) {
    const { status } = error as { status?: number };
    if (status === undefined || status === null || status > 2) throw error;
  }
}
