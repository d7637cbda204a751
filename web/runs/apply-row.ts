/** A row of the list after an event. Pure. */
import type { EngineEvent } from '../../src/contract/event.ts';
import type { WorkflowSummary } from '../../src/contract/workflow.ts';

/** The same row where the event is older than it. */
export function applyEvent(row: WorkflowSummary, event: EngineEvent): WorkflowSummary {
  if (event.version <= row.version) return row;
  const { step_counts, steps_total, progress, total_cost, total_tokens, cost_is_floor } = event;
  return {
    ...row,
    version: event.version,
    status: event.status,
    updatedAt: event.at,
    steps_total: steps_total ?? row.steps_total,
    progress: progress ?? row.progress,
    ...(step_counts === undefined ? {} : { step_counts }),
    metrics: {
      ...row.metrics,
      total_cost: total_cost ?? row.metrics.total_cost,
      total_tokens: total_tokens ?? row.metrics.total_tokens,
      cost_is_floor: cost_is_floor ?? row.metrics.cost_is_floor,
    },
  };
}
