/** Every call by its name, with what answers it. Each stands with its like: what creates, what changes, what only reads. */
import type { Call, CallName } from '../contract/coordinator.ts';
import { CallTurns } from './call-turns.ts';
import { ChangingCalls } from './changing-calls.ts';
import type { Coordinator } from './coordinator.ts';
import { CreatingCalls } from './creating-calls.ts';
import { ReadingCalls } from './reading-calls.ts';

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
