/** The summary of a dry run as a person reads it in a terminal. */
import type { DryRunReply, DryStep } from '../contract/dry-run.ts';
import { counted } from '../core/duration.ts';
import { groupAction } from '../core/flow.ts';
import { workflowAction } from '../core/step-state.ts';
import { toMoney } from '../rehearsal/dry-summary.ts';
import { createActionCatalogue } from '../tasks/registry.ts';
import { toElapsed } from './elapsed.ts';
import { toTable } from './table.ts';

/** `width` is the terminal's. */
export function toSummaryText(summary: DryRunReply, width: number | undefined): string {
  const { name, status, steps, waves, max_parallel_nodes: atOnce, after_failure: later, models, notes } = summary;
  const rows = steps.map((step) => [String(step.wave), step.id, step.action, step.status, toDoing(step)]);
  const count = counted(steps.length, 'step');
  const inWaves = counted(waves.length, 'wave');
  return [
    `dry run of ${name}: ${status}, ${count} in ${inWaves}, at most ${atOnce} at once; nobody was called`,
    '',
    toTable(['WAVE', 'STEP', 'ACTION', 'STATUS', 'WOULD'], rows, width).trimEnd(),
    '',
    ...(later.length === 0 ? [] : [`only after a failure: ${later.map(({ id }) => id).join(', ')}`]),
    toCallsLine(models),
    ...notes.map((note) => `note: ${note}`),
  ].join('\n');
}

function toDoing(step: DryStep): string {
  const { status, error, when, times } = step;
  if (status !== 'COMPLETED') return error ?? '';
  return `${toDeed(step)}${times > 1 ? `, up to ${times} times` : ''}${when === null ? '' : `, if ${when}`}`;
}

function toDeed({ action, would, group }: DryStep): string {
  if (group || action === groupAction) return 'make its steps';
  if (would === null) {
    if (action === 'external_data') return 'wait for data from outside';
    if (action === 'approval') return 'wait for a decision, taken for approved';
    if (action === workflowAction) return 'run a workflow of its own';
    return createActionCatalogue().has(action) ? 'run as it did here' : 'be simulated: nobody knows this action';
  }
  switch (would.kind) {
    case 'model_call': {
      const { model, address, input_tokens: input, output_tokens: output, cost } = would;
      return `ask ${model} at ${address}: about ${input} + ${output} tokens, ${toMoney(cost)}`;
    }
    case 'request':
      return `send ${would.method} ${would.url}`;
    case 'wait':
      return `wait ${toElapsed(would.ms)}`;
    default: {
      const never: never = would;
      throw new Error(`unknown rehearsal ${JSON.stringify(never)}`);
    }
  }
}

function toCallsLine({ calls, input_tokens, output_tokens, cost, cost_is_floor }: DryRunReply['models']): string {
  if (calls === 0) return 'no model would be asked';
  const price = cost !== null && cost_is_floor ? `at least ${toMoney(cost)}` : toMoney(cost);
  const count = calls === 1 ? '1 call of a model' : `${calls} calls of models`;
  return `${count}, about ${input_tokens} + ${output_tokens} tokens, ${price}`;
}
