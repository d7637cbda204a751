/**
 * A real disk with a say in every operation: tests count operations, make the n-th one fail, or shorten a write. It stands
 * in for a disk that is full, broken or gone; what had reached the directory before stays there.
 */
import { createNodeDisk, type Disk } from '../../src/store/disk.ts';

export interface Operation {
  name: keyof Disk;
  /** The file or directory meant, through the descriptor where there is one. */
  path: string;
  /** It makes something new: a file or a directory. */
  creates?: true;
}

export interface FaultDisk {
  disk: Disk;
  operations: Operation[];
}

export function diskError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

const writes = new Set<keyof Disk>(['write', 'writeSync']);

/**
 * `intercept` runs before each operation and may throw in its place. For a write it may return how many bytes of those
 * asked for are to be written at most. Without `syncs` the real ones are left out, though still seen: a process that dies
 * loses nothing by that, and thousands of starts take seconds instead of minutes.
 */
export function createFaultDisk(
  intercept: (operation: Operation, index: number, length: number) => number | undefined,
  { syncs = true }: { syncs?: boolean } = {},
): FaultDisk {
  const real = createNodeDisk();
  const operations: Operation[] = [];
  const paths = new Map<number, string>();

  const run = (name: keyof Disk, args: unknown[]): unknown => {
    const first = args[0];
    const path = typeof first === 'number' ? (paths.get(first) ?? '') : String(first);
    const creates = name.startsWith('mkdir') || (name.startsWith('open') && args[1] === 'wx');
    const operation: Operation = creates ? { name, path, creates } : { name, path };
    operations.push(operation);
    const lengthMax = intercept(operation, operations.length - 1, writes.has(name) ? Number(args[3]) : 0);
    if (!syncs && (name.startsWith('fsync') || name.startsWith('fdatasync'))) return undefined;
    if (writes.has(name) && lengthMax !== undefined) args[3] = Math.min(Number(args[3]), lengthMax);
    return Reflect.apply(real[name], real, args);
  };

  const disk = new Proxy(real, {
    get(_target, property) {
      const name = property as keyof Disk;
      if (name === 'open') {
        return async (...args: unknown[]) => {
          const fd = (await run(name, args)) as number;
          paths.set(fd, String(args[0]));
          return fd;
        };
      }
      if (name === 'openSync') {
        return (...args: unknown[]) => {
          const fd = run(name, args) as number;
          paths.set(fd, String(args[0]));
          return fd;
        };
      }
      if (name.endsWith('Sync')) return (...args: unknown[]) => run(name, args);
      return async (...args: unknown[]) => run(name, args);
    },
  });
  return { disk, operations };
}
