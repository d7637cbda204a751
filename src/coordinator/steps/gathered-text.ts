/**
 * What groups have gathered (F4), as JSON text: the texts of the recorded outputs put together, without parsing one. The
 * reader parses the whole. `step-scope.ts` makes the same values for small data.
 */
import type { BlobPiece } from '../../contract/inquiry.ts';
import type { OutputsRef } from '../../contract/journal-event.ts';
import type { GroupTally } from '../../core/group-tally.ts';
import { isItemSkipped, standsFor, toInnerId } from '../../core/groups.ts';
import type { WorkflowState } from '../../core/state.ts';
import type { StepState } from '../../core/step-state.ts';
import { errorOfItem, itemValue } from './step-scope.ts';

type Piece = string | BlobPiece;

/** What references ask of a group. */
export interface GatheredFields {
  /** Places of items; 'all': each of them. */
  readonly items: ReadonlySet<number> | 'all';
  readonly errors: boolean;
  readonly last: boolean;
}

/** All that a group has. */
const wholeFields: GatheredFields = { items: 'all', errors: true, last: true };

/** The recorded outputs of a step, and of a group what is asked of it; undefined for a step that has done nothing. */
export function gatheredText(state: WorkflowState, step: StepState, fields: GatheredFields): Piece[] | undefined {
  if (step.outputs === null || step.outcome !== null) return undefined;
  return [...within(state, step, step.outputs, fields)];
}

function* within(state: WorkflowState, step: StepState, own: OutputsRef, fields: GatheredFields): Generator<Piece> {
  const tally = state.tallies.get(state.placeOf(step.id));
  if (tally === undefined || !('json' in own)) {
    yield toPiece(own);
    return;
  }
  // Of two fields of one name the later counts, as where they are put together as values.
  yield own.json.slice(0, own.json.lastIndexOf('}'));
  if (step.flow.forEach !== null) {
    yield ',"items":';
    yield* items(state, step, tally, fields.items);
    if (fields.errors) yield `,"errors":${JSON.stringify(errors(state, step, tally))}`;
  } else if (fields.last) {
    yield ',"last":';
    yield* lastRound(state, step, tally);
  }
  yield '}';
}

/** With places, an object of these: a path walks it as it walks a list. */
function* items(
  state: WorkflowState,
  group: StepState,
  tally: GroupTally,
  wanted: GatheredFields['items'],
): Generator<Piece> {
  const count = group.count ?? 0;
  const places = wanted === 'all' ? Array.from({ length: count }, (_, i) => i) : [...wanted].filter((i) => i < count);
  yield wanted === 'all' ? '[' : '{';
  for (const [i, index] of places.entries()) {
    yield `${i > 0 ? ',' : ''}${wanted === 'all' ? '' : `"${index}":`}`;
    const isNull = index >= tally.count || tally.isFailed(index) || isItemSkipped(state, group.flow, tally, index);
    if (isNull) yield 'null';
    else yield* whole(state, state.stepAt(standsFor(tally, index)));
  }
  yield wanted === 'all' ? ']' : '}';
}

function* whole(state: WorkflowState, step: StepState): Generator<Piece> {
  const { outputs, outcome } = step;
  if (outputs === null) yield 'null';
  else if (outcome !== null) yield toPiece(outputs);
  else yield* within(state, step, outputs, wholeFields);
}

function errors(state: WorkflowState, group: StepState, tally: GroupTally): unknown[] {
  const failed = Array.from({ length: group.count ?? 0 }, (_, index) => index).filter((index) => tally.isFailed(index));
  const read = (ref: OutputsRef) => ('json' in ref ? (JSON.parse(ref.json) as unknown) : null);
  return failed.map((index) => ({
    index,
    error: errorOfItem(state, tally.places[index] ?? []),
    item: itemValue(state, group, index, read),
  }));
}

function* lastRound(state: WorkflowState, loop: StepState, tally: GroupTally): Generator<Piece> {
  const steps = (tally.places[(loop.count ?? 0) - 1] ?? []).map((i) => state.stepAt(i));
  // The own action of a loop stands for its round.
  const isOwn = loop.flow.body === null;
  if (!isOwn) yield '{';
  for (const [i, step] of steps.entries()) {
    if (isOwn && i > 0) break;
    if (!isOwn) yield `${i > 0 ? ',' : ''}${JSON.stringify(step.of === null ? step.id : toInnerId(step.id, step.of))}:`;
    if (step.outcome === null) yield* whole(state, step);
    else yield 'null';
  }
  if (isOwn && steps.length === 0) yield 'null';
  if (!isOwn) yield '}';
}

export function toPiece(ref: OutputsRef): Piece {
  return 'json' in ref ? ref.json : { blob: ref.blob, bytes: ref.bytes };
}
