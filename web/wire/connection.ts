/** What the indicator in the head says: how the page stands with the engine. */
import { computed, signal } from '@preact/signals';

export type ConnectionState = 'connecting' | 'live' | 'catching-up' | 'lost' | 'busy';

/** Of the page's event stream. */
export const streamState = signal<Exclude<ConnectionState, 'busy'>>('connecting');
/** While calls wait because the engine has said when to come back. */
export const waitingCalls = signal(0);

export const connection = computed<ConnectionState>(() => {
  if (streamState.value === 'live' && waitingCalls.value > 0) return 'busy';
  return streamState.value;
});

/** When the stream was lost, as Date.now() gave it; null while it is there. */
export const lostSince = signal<number | null>(null);

export const isLost = computed(() => streamState.value === 'lost');

/** Why nothing can be changed just now; null when it can. */
export const whyDisabled = computed(() => (isLost.value ? 'The connection to the engine is gone' : null));

/** Version of the engine, where it is not the one that this page was built with. */
export const otherVersion = signal<string | null>(null);

/** The disk is full: nothing new is taken. */
export const diskFull = signal(false);

/** Steps that a start of the engine has queued again, since it was last told; null when there is nothing to tell. */
export const recoveredSteps = signal<number | null>(null);

export function noteRecovered(steps: number): void {
  recoveredSteps.value = (recoveredSteps.value ?? 0) + steps;
}
