/**
 * How the command line ends: 0 done, 1 it failed, 2 it was called wrongly, 3 the workflow waits for the outside, 4
 * nobody knew the action of a step, and the statuses of `StartError` (74 the disk failed, 75 another engine owns the data, 77 no permission).
 */
import { CommanderError } from 'commander';
import { Refusal } from '../contract/failures.ts';
import { StartError } from '../contract/store.ts';
import { isOutOfHandles, outOfHandlesLine } from '../out-of-handles.ts';
import { printable } from './printable.ts';

export const exits = { done: 0, failed: 1, usage: 2, waiting: 3, simulated: 4, interrupted: 130 } as const;

/** Ends the command with a message for the person who typed it, and no stack. */
export class CommandError extends Error {
  readonly exitStatus: number;

  constructor(message: string, exitStatus: number = exits.failed, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.exitStatus = exitStatus;
  }
}

export function usageError(message: string): CommandError {
  return new CommandError(message, exits.usage);
}

/** What to print on stderr and the status to end with. An error of no known kind is a fault of ours: it keeps its stack. */
export function toExit(error: unknown): { text: string; status: number } {
  if (error instanceof CommanderError) {
    // Commander has printed its own message, or the help that was asked for.
    return { text: '', status: error.exitCode === 0 ? exits.done : exits.usage };
  }
  if (error instanceof CommandError || error instanceof StartError) {
    return { text: `${printable(error.message)}\n`, status: error.exitStatus };
  }
  if (error instanceof Refusal) {
    const text = toLines(error)
      .map((line) => `${printable(line)}\n`)
      .join('');
    return { text, status: error.code === 'INVALID' || error.code === 'BAD_REQUEST' ? exits.usage : exits.failed };
  }
  if (isOutOfHandles(error)) return { text: `${outOfHandlesLine}\n`, status: exits.failed };
  return { text: `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`, status: 70 };
}

/** Of several faults the detail names the first, which the list does too. */
function toLines({ detail, errors = [] }: Refusal): string[] {
  const [first, ...others] = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  if (first === undefined || (others.length === 0 && detail.includes(first))) return [detail];
  return [detail.split(`: ${first}`)[0]!, ...[first, ...others].map((line) => `  ${line}`)];
}
