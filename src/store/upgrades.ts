/**
 * How data of an older format becomes data of this one: one entry for each released change of meaning, in order. The
 * first entry leads from format 1 to format 2, so this engine's own format is one more than there are entries.
 *
 * Rules, numbered for tests:
 *   UP1  a function is pure: it takes what the older format held, parsed, and returns what the next one holds;
 *   UP2  a function returns data of a later format unchanged: a crash in the middle of an upgrade leaves both.
 */
import type { JsonObject } from '../contract/json.ts';

type Step = (value: JsonObject) => JsonObject;

/** What is left out did not change its meaning. */
export interface Upgrade {
  /** The manifest in `checkpoint.json`. */
  readonly manifest?: Step;
  /** An event of the journal; inline outputs stand in it as `{json: <text>}`. */
  readonly event?: Step;
  /** A line of `finished.jsonl` about a finished workflow. */
  readonly finished?: Step;
  /** A state.json, `_meta` included. */
  readonly state?: Step;
}

export const upgrades: readonly Upgrade[] = [
  // Format 2 adds kinds of events and fields of steps (conditions, groups, loops, waits), which an engine of format 1 cannot
  // read. What format 1 holds means the same in it.
  {},
];
