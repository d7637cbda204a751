/**
 * How much room results take in a workflow's text, so that their sum can be bounded (`limits.workflowResultsMax`): many
 * small outputs together make a file that no reader can hold, just as one large output would.
 *
 * The size of outputs is the length of the text that `field-text.ts` writes for them. Large outputs are written as they are,
 * so their size is known without a look at them. Small ones are walked: 9 µs for 1.9 KB, where making the text takes 31.
 */
import type { OutputsRef } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import type { StepAttempt } from '../contract/workflow.ts';
import { isCompact, toFieldText } from './field-text.ts';

/** What attempts leave in a step. */
export interface Results {
  readonly outputs: OutputsRef | null;
  readonly error: string | null;
  readonly logs: readonly string[];
  readonly attempts?: readonly StepAttempt[];
  readonly metadata: JsonObject | null;
  readonly metrics: JsonObject | null;
}

const quote = 0x22;
const backslash = 0x5c;
/** How deep a step's fields are in the workflow. */
const fieldDepth = 3;
/** Around each line of a log: indentation, quotes, comma, newline. */
const lineLayout = 12;
/** An attempt as text, without its error. */
const attemptLayout = 240;

/** In characters of the workflow's text, without the escapes in logs and errors. Outputs in a blob count as nothing. */
export function sizeOfResults({ outputs, error, logs, attempts = [], metadata, metrics }: Results): number {
  let size = (error?.length ?? 0) + sizeOf(metadata) + sizeOf(metrics);
  if (outputs !== null && 'json' in outputs) size += sizeOfOutputs(outputs);
  for (const line of logs) size += line.length + lineLayout;
  for (const attempt of attempts) size += (attempt.error?.length ?? 0) + attemptLayout;
  return size;
}

function sizeOf(value: JsonObject | null): number {
  return value === null ? 0 : toFieldText(value).length;
}

function sizeOfOutputs(outputs: { readonly json: string }): number {
  return isCompact(outputs) ? outputs.json.length : indentedLength(outputs.json, fieldDepth);
}

/** The length of compact JSON text once it is indented by two, with every line moved in by `depth` more levels. */
function indentedLength(json: string, depth: number): number {
  let level = depth;
  let length = 0;
  const line = () => 1 + 2 * level;
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at);
    length += 1;
    if (code === quote) {
      const end = endOfString(json, at);
      length += end - at;
      at = end;
    } else if (code === 0x7b || code === 0x5b) {
      // `{}` and `[]` are not broken into lines: the code of a closing bracket is the opening one's plus two.
      if (json.charCodeAt(at + 1) === code + 2) {
        at += 1;
        length += 1;
      } else {
        level += 1;
        length += line();
      }
    } else if (code === 0x7d || code === 0x5d) {
      level -= 1;
      length += line();
    } else if (code === 0x2c) {
      length += line();
    } else if (code === 0x3a) {
      length += 1;
    }
  }
  return length;
}

/** The place of the quote that closes the string opened at `from`; the text's end when there is none. */
function endOfString(json: string, from: number): number {
  for (let at = json.indexOf('"', from + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let escapes = at;
    while (json.charCodeAt(escapes - 1) === backslash) escapes -= 1;
    if ((at - escapes) % 2 === 0) return at;
  }
  return json.length;
}
