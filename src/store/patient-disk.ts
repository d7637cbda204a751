/**
 * A disk that waits for file handles. EMFILE and ENFILE do not mean that the disk or a file is bad: this process, or
 * the machine, has too many open files at the moment. A call that needs a handle tries again, after a longer pause
 * each time. If the last try fails, the call throws OutOfHandlesError and has changed nothing.
 */
import type { Disk } from './disk.ts';
import { isOutOfHandles, toOutOfHandles } from './disk-error.ts';

/** Together about two and a half seconds. A synchronous call blocks its thread meanwhile, so it makes fewer pauses. */
const pausesMs = [5, 10, 20, 40, 80, 160, 320, 640, 1_280];
const pausesMsSync = pausesMs.slice(0, 7);

/** The calls that open a file or directory, even if they close it again at once. */
const opening = ['open', 'readFile', 'fsyncDirectory', 'removeTree'] as const;
const openingSync = ['openSync', 'readFileSync', 'fsyncDirectorySync', 'readDirectorySync'] as const;

type AnyCall = (...args: unknown[]) => unknown;

export function createPatientDisk(disk: Disk): Disk {
  const patient: Record<string, unknown> = {};
  for (const name of Object.keys(disk) as (keyof Disk)[]) patient[name] = disk[name];
  for (const name of opening) patient[name] = (...args: unknown[]) => patiently(disk[name] as AnyCall, args);
  for (const name of openingSync) patient[name] = (...args: unknown[]) => patientlySync(disk[name] as AnyCall, args);
  return patient as unknown as Disk;
}

async function patiently(call: AnyCall, args: unknown[]): Promise<unknown> {
  for (const pauseMs of pausesMs) {
    try {
      return await call(...args);
    } catch (error) {
      if (!isOutOfHandles(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  try {
    return await call(...args);
  } catch (error) {
    throw isOutOfHandles(error) ? toOutOfHandles(error, String(args[0])) : error;
  }
}

function patientlySync(call: AnyCall, args: unknown[]): unknown {
  for (const pauseMs of pausesMsSync) {
    try {
      return call(...args);
    } catch (error) {
      if (!isOutOfHandles(error)) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
  }
  try {
    return call(...args);
  } catch (error) {
    throw isOutOfHandles(error) ? toOutOfHandles(error, String(args[0])) : error;
  }
}
