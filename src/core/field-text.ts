/**
 * Values as they stand in the fields of a step in a workflow's text: JSON, indented by two.
 *
 * Large outputs are the exception. They stay the compact text that their task returned: to indent them costs forty times
 * what copying them into the file costs (docs/adr/0017), and nobody reads 16 KB of numbers line by line.
 */
import type { OutputsRef } from '../contract/journal-event.ts';

/** Outputs with more characters of JSON than this are not indented. */
export const outputsIndentedLengthMax = 2 * 1024;

export function isCompact(outputs: OutputsRef | null): boolean {
  return outputs !== null && 'json' in outputs && outputs.json.length > outputsIndentedLengthMax;
}

export function toOutputsText(outputs: OutputsRef | null): string {
  if (outputs === null || !('json' in outputs)) return toFieldText(outputs);
  return outputs.json === '{}' || isCompact(outputs) ? outputs.json : toFieldText(JSON.parse(outputs.json));
}

/** A field stands three levels deep: in its step, in the list of steps, in the workflow. */
const [fieldStart, fieldEnd] = JSON.stringify([[[0]]], null, 2).split('0') as [string, string];

/** Three arrays around the value give every line its indentation, at native speed. */
export function toFieldText(value: unknown): string {
  if (value === null) return 'null';
  return JSON.stringify([[[value]]], null, 2).slice(fieldStart.length, -fieldEnd.length);
}
