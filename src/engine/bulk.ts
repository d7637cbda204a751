/**
 * One call for many workflows.
 *
 *   BK1  each workflow has a record of its own, under `<key>/<id>`: the same call, sent again after a death, finishes what it
 *        had not done, and does nothing twice;
 *   BK2  what is refused for one workflow is told in its row, and the others go on.
 */
import { type BulkAction, type BulkRequest, type BulkResult, bulkRequestSchema } from '../contract/bulk.ts';
import type { CoordinatorPort } from '../contract/coordinator.ts';
import type { CallOptions } from '../contract/engine.ts';
import { invalid, Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import type { ListFilter } from '../contract/list-query.ts';
import { check, toClaim } from './arguments.ts';

/** Calls on their way at once: they share the turns of the coordinator, and leave room for others. */
const atOnce = 16;
/** Of `/` and a UUID. */
const suffixLength = 37;

const deeds = { stop: 'stopped', retry: 'runs again', resume: 'goes on', delete: 'deleted' } as const;

export async function runBulk(
  coordinator: CoordinatorPort,
  request: BulkRequest,
  { idempotencyKey }: CallOptions,
): Promise<BulkResult[]> {
  const { action, ids, filter } = check(bulkRequestSchema, request, 'The bulk call');
  checkKey(idempotencyKey);
  const wanted = ids ?? (await findMatching(coordinator, filter as ListFilter, idempotencyKey));
  const chosen = [...new Set(wanted.map((id) => id.toLowerCase()))];
  const results: BulkResult[] = [];
  for (let from = 0; from < chosen.length; from += atOnce) {
    const some = chosen.slice(from, from + atOnce);
    const done = await Promise.all(some.map((id) => runOne(coordinator, action, id, idempotencyKey)));
    for (const result of done) results.push(result);
  }
  return results;
}

function checkKey(key: string | undefined): void {
  const most = limits.idempotencyKeyLengthMax - suffixLength;
  if (key === undefined || (key !== '' && key.length <= most)) return;
  const message = `the key of a bulk call has 1 to ${most} characters: each workflow gets one with its id`;
  throw invalid('The Idempotency-Key is not valid', [{ path: 'Idempotency-Key', message }]);
}

/**
 * Those that match now, and those that this call has changed before: they may not match any more. Refuses to take some of
 * many.
 */
async function findMatching(coordinator: CoordinatorPort, filter: ListFilter, key: string | undefined) {
  const { total, items } = await coordinator.call('list', { ...filter, limit: limits.bulkMax });
  const before = key === undefined ? [] : (await coordinator.call('keyOwners', { prefix: `${key}/` })).ids;
  const all = new Set([...before, ...items.map(({ id }) => id)]);
  if (total > limits.bulkMax || all.size > limits.bulkMax) {
    const message = `${Math.max(total, all.size)} workflows match, and a bulk call takes ${limits.bulkMax}: narrow the filter`;
    throw invalid('The bulk call is not valid', [{ path: 'filter', message }]);
  }
  return [...all];
}

/** BK2. */
async function runOne(
  coordinator: CoordinatorPort,
  action: BulkAction,
  id: string,
  key: string | undefined,
): Promise<BulkResult> {
  try {
    if (action === 'delete') {
      await coordinator.call('delete', { id });
      return { id, ok: true, status: null, code: null, detail: deeds.delete };
    }
    const claim = toClaim(action, id, key === undefined ? {} : { idempotencyKey: `${key}/${id}` });
    const { status } = await coordinator.call(action, { id, ...claim, textMax: 0 });
    return { id, ok: true, status, code: null, detail: deeds[action] };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { code, detail } = error;
    // What a deletion wants is so: this call may have done it before its answer was lost.
    if (action === 'delete' && code === 'NOT_FOUND') {
      return { id, ok: true, status: null, code, detail: 'it is not there' };
    }
    return { id, ok: false, status: null, code, detail };
  }
}
