/** How far a run is, by what became of its steps: a bar of segments with a text that says the same. */
import type { StepCounts, WorkflowSummary } from '../../src/contract/workflow.ts';
import { type Look, lookColours, lookOfStatus, lookWords } from './look.ts';
import { countText } from './money.ts';

const order = ['COMPLETED', 'RUNNING', 'PENDING', 'FAILED', 'STOPPED', 'WAITING_FOR_DEPENDENCY'] as const;

/** `counts` by look, in the order of the bar. */
export function Progress({ counts }: { counts: readonly (readonly [Look, number])[] }) {
  const shown = counts.filter(([, count]) => count > 0);
  const label = shown.map(([look, count]) => `${countText(count)} ${lookWords[look].toLowerCase()}`).join(', ');
  return (
    <div class="progress" role="img" aria-label={label || 'no steps'} title={label}>
      {shown.map(([look, count]) => (
        <i key={look} class={`tone-${lookColours[look]}`} style={{ flexGrow: count }} />
      ))}
    </div>
  );
}

export function RunProgress({ run }: { run: Pick<WorkflowSummary, 'step_counts' | 'metrics' | 'steps_total'> }) {
  const counts = run.step_counts ?? countsOfMetrics(run);
  return <Progress counts={order.map((status) => [lookOfStatus(status), counts[status] ?? 0] as const)} />;
}

/** Of an engine that does not tell all counts. */
function countsOfMetrics({ metrics, steps_total }: Pick<WorkflowSummary, 'metrics' | 'steps_total'>): StepCounts {
  const { completed_steps, failed_steps } = metrics;
  return {
    COMPLETED: completed_steps,
    FAILED: failed_steps,
    WAITING_FOR_DEPENDENCY: Math.max(0, steps_total - completed_steps - failed_steps),
  };
}
