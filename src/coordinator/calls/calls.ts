/** Every call by its name, with what answers it. Each stands with its like: what creates, what changes, what only reads. */
import type { Call, CallName } from '../../contract/coordinator.ts';
import type { Coordinator } from '../coordinator.ts';
import { ChangingCalls } from './change.ts';
import { CreatingCalls } from './create.ts';
import { CallTurns } from './keyed-calls.ts';
import { ReadingCalls } from './read.ts';

export type CallHandlers = { readonly [K in CallName]: Call<K> };

export function createCallHandlers(coordinator: Coordinator): CallHandlers {
  const reading = new ReadingCalls(coordinator);
  const turns = new CallTurns(coordinator, reading.readBlob);
  return {
    ...new CreatingCalls(coordinator, turns, reading),
    ...new ChangingCalls(coordinator, turns),
    ...reading,
    close: async () => {
      await coordinator.close();
      return null;
    },
  };
}
