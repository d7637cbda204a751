/** A table of all calls: the name of each, and the function that answers it. */
import type { CallHandlers, CallName } from '../../contract/coordinator.ts';
import { type ChangeParts, createChangeCalls } from './change.ts';
import { type ClientParts, createClientCalls } from './clients.ts';
import { type CreateParts, createCreateCalls } from './create.ts';
import { KeyedCalls } from './keyed-calls.ts';
import { createReadCalls, Reader, type ReadParts } from './read.ts';
import { createRunViewCalls, type RunViewParts } from './run-views.ts';
import { createScheduleCalls, type ScheduleParts } from './schedules.ts';
import { createStepCalls, type StepParts } from './steps.ts';

export type CallParts = ReadParts & CreateParts & ChangeParts & StepParts & ScheduleParts & ClientParts & RunViewParts;

/** All calls but `close`, which the coordinator answers itself. */
export function createCallHandlers(parts: CallParts): CallHandlers<Exclude<CallName, 'close'>> {
  const { workflows, turns, recall } = parts;
  const reader = new Reader(parts);
  const reading = createReadCalls(parts, reader);
  const keyed = new KeyedCalls({ workflows, turns, recall, readBlob: reading.readBlob });
  const creating = createCreateCalls(parts, keyed, reader);
  const changing = { ...createChangeCalls(parts, keyed), ...createStepCalls(parts, keyed) };
  const viewing = createRunViewCalls(parts, keyed);
  const keeping = { ...createScheduleCalls(parts), ...createClientCalls(parts) };
  return { ...reading, ...viewing, ...creating, ...changing, ...keeping };
}
