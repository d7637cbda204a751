/** Every call by its name, with the function that answers it. */
import type { CallHandlers, CallName } from '../../contract/coordinator.ts';
import { type ChangeParts, createChangeCalls } from './change.ts';
import { type CreateParts, createCreateCalls } from './create.ts';
import { KeyedCalls } from './keyed-calls.ts';
import { createReadCalls, Reader, type ReadParts } from './read.ts';

export type CallParts = ReadParts & CreateParts & ChangeParts;

/** `close` is answered by the coordinator itself. */
export function createCallHandlers(parts: CallParts): CallHandlers<Exclude<CallName, 'close'>> {
  const { workflows, turns, recall } = parts;
  const reader = new Reader(parts);
  const reading = createReadCalls(parts, reader);
  const keyed = new KeyedCalls({ workflows, turns, recall, readBlob: reading.readBlob });
  return { ...reading, ...createCreateCalls(parts, keyed, reader), ...createChangeCalls(parts, keyed) };
}
