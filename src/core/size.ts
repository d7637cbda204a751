/**
 * How much room results take in a workflow's text, so that their sum can be bounded (`limits.workflowResultsMax`): many
 * small outputs together make a file that no reader can hold, just as one large output would.
 *
 * The size of outputs is the length of the text that `field-text.ts` writes for them. Large outputs are written as they are,
 * so their size is known without a look at them.
 */
import type { OutputsRef } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import { toFieldText, toOutputsText } from './field-text.ts';

/** What attempts leave in a step. */
export interface Results {
  readonly outputs: OutputsRef | null;
  readonly error: string | null;
  readonly logs: readonly string[];
  readonly metadata: JsonObject | null;
  readonly metrics: JsonObject | null;
}

/** Around each line of a log: indentation, quotes, comma, newline. */
const lineLayout = 12;

/** In characters of the workflow's text, without the escapes in logs and errors. Outputs in a blob count as nothing. */
export function sizeOfResults({ outputs, error, logs, metadata, metrics }: Results): number {
  let size = (error?.length ?? 0) + sizeOf(metadata) + sizeOf(metrics);
  if (outputs !== null && 'json' in outputs) size += toOutputsText(outputs).length;
  for (const line of logs) size += line.length + lineLayout;
  return size;
}

function sizeOf(value: JsonObject | null): number {
  return value === null ? 0 : toFieldText(value).length;
}
