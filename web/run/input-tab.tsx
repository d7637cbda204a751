/** What a step was told: its params as they are written, and, when asked for, as they were bound. */
import { useState } from 'preact/hooks';
import { JsonTree, JsonValue } from '../output/json-tree.tsx';
import { get } from '../wire/api.ts';
import { detailOf } from '../wire/problem.ts';
import { apiPath } from './allowed.ts';
import { useRunScope } from './run-context.ts';
import type { StepDetail } from './run-messages.ts';

export function InputTab({ detail, turn }: { detail: StepDetail; turn: number }) {
  const { store } = useRunScope();
  const [bound, setBound] = useState<{ value: unknown } | { fault: string } | null>(null);
  const readBound = async (): Promise<void> => {
    try {
      const path = apiPath(store.id, `/steps/${encodeURIComponent(detail.id)}?bound=1`);
      const { params_bound: value } = await get<{ params_bound?: unknown }>(path);
      setBound(value === undefined ? { fault: 'The engine does not tell them' } : { value });
    } catch (error) {
      setBound({ fault: detailOf(error) });
    }
  };
  return (
    <>
      {detail.paramsCount === 0 ? (
        <p class="none">
          {detail.of ? 'The params stand in the group that made this step.' : 'This step has no params.'}
        </p>
      ) : (
        <>
          <h3>As written</h3>
          <JsonTree stepId={detail.id} source="params" turn={turn} label="Params" />
        </>
      )}
      {detail.paramsCount > 0 || detail.of ? (
        <>
          <h3>As bound</h3>
          {bound === null ? (
            <button type="button" class="button small" onClick={() => void readBound()}>
              Show what the references stood for
            </button>
          ) : 'fault' in bound ? (
            <p class="none" role="alert">
              {bound.fault}
            </p>
          ) : (
            <JsonValue value={bound.value} />
          )}
        </>
      ) : null}
    </>
  );
}
