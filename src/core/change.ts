/** What an event has done to the steps of its workflow, for the coordinator to act on once the event is durable. */
export interface Change {
  /** Steps that became PENDING, by place. */
  queued: number[];
  /** Steps whose running attempt counts no longer, by place. */
  aborted: number[];
  /** Steps that were PENDING and are STOPPED now, by place. */
  unqueued: number[];
  /** Every step that is STOPPED now and was not before, by place. */
  stopped: number[];
}

export function newChange(): Change {
  return { queued: [], aborted: [], unqueued: [], stopped: [] };
}
