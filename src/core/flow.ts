/**
 * What a step says of when and how often it runs, as the state holds it: one object for all steps that are made from one
 * definition. Most steps say nothing and share `plainFlow`.
 */
import type { StepDefinition } from '../contract/definition.ts';
import type { ForEach, Join, Repeat, Tolerate } from '../contract/flow.ts';

export interface StepFlow {
  readonly when: string | null;
  readonly join: Join;
  readonly tolerate: Tolerate | null;
  readonly forEach: ForEach | null;
  readonly concurrency: number | null;
  readonly batch: number | null;
  readonly label: string | null;
  readonly repeat: Repeat | null;
  /** The inner steps of a group; null where its own action runs for each item or round. */
  readonly body: readonly StepDefinition[] | null;
  /** undefined where the definition names none. */
  readonly output: unknown;
  /** A step of `finally`. */
  readonly isFinal: boolean;
}

export const plainFlow: StepFlow = {
  when: null,
  join: 'all',
  tolerate: null,
  forEach: null,
  concurrency: null,
  batch: null,
  label: null,
  repeat: null,
  body: null,
  output: undefined,
  isFinal: false,
};

/** The action that a group with inner steps shows. */
export const groupAction = 'steps';

type Written = {
  readonly [K in 'when' | 'join' | 'tolerate' | 'forEach' | 'concurrency' | 'batch' | 'label' | 'repeat']?:
    | StepDefinition[K]
    | null;
} & {
  readonly body?: readonly StepDefinition[] | null | undefined;
  readonly output?: unknown;
  readonly final?: unknown;
};

/** From the fields of a definition, or of a step in a state file. */
export function toFlow(written: Written): StepFlow {
  const { when, join, tolerate, forEach, concurrency, batch, label, repeat, body, output, final } = written;
  const isPlain =
    (when ?? tolerate ?? forEach ?? concurrency ?? batch ?? label ?? repeat ?? body ?? null) === null &&
    (join ?? 'all') === 'all' &&
    output === undefined &&
    final !== true;
  if (isPlain) return plainFlow;
  return {
    when: when ?? null,
    join: join ?? 'all',
    tolerate: tolerate ?? null,
    forEach: forEach ?? null,
    concurrency: concurrency ?? null,
    batch: batch ?? null,
    label: label ?? null,
    repeat: repeat ?? null,
    body: body ?? null,
    output,
    isFinal: final === true,
  };
}

/** The fields that a view shows, and that `toFlow` reads again. */
export function toFlowFields(flow: StepFlow): Record<string, unknown> {
  if (flow === plainFlow) return {};
  const { join, output, isFinal, ...fields } = flow;
  return {
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)),
    ...(join === 'all' ? {} : { join }),
    ...(output === undefined ? {} : { output }),
    ...(isFinal ? { final: true } : {}),
  };
}

/** A step that other steps are made from: one set for each item of a list, or for each round. */
export function isGroup({ forEach, repeat }: StepFlow): boolean {
  return forEach !== null || repeat !== null;
}

/** The names of the items, in the order in which their lists are combined. */
export function toItemNames({ forEach }: Pick<StepFlow, 'forEach'>): string[] {
  if (forEach === null) return [];
  return typeof forEach === 'string' || Array.isArray(forEach) ? ['item'] : Object.keys(forEach);
}

/** How many items of a list may fail. */
export function toTolerated(tolerate: Tolerate | null, count: number): number {
  if (tolerate === null) return 0;
  if (tolerate === true) return count;
  return typeof tolerate === 'number' ? tolerate : Math.floor((count * Number(tolerate.slice(0, -1))) / 100);
}
