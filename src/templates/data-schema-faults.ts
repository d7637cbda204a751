/** The JSON Schemas that approvals ask data by: what is wrong with them, wherever in a definition they stand. */
import type { FieldError } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import { stepsWithin } from '../core/steps-within.ts';
import { createDataSchema } from './params-schema.ts';
import { findSchemaSlips } from './schema-slips.ts';

/** `withSlips`: also what is allowed, and looks like a slip. Paths as in `steps[3].params.data.type`. */
export function findDataSchemaFaults(
  definition: { readonly steps?: unknown; readonly finally?: unknown },
  { withSlips = false } = {},
): FieldError[] {
  return [...stepsWithin(definition)].flatMap(({ step: { action, params }, path }) => {
    const data = action === 'approval' && isObject(params) ? params.data : undefined;
    // What references bring is known at run time.
    if (!isObject(data) || JSON.stringify(data).includes('{{')) return [];
    const made = createDataSchema(data);
    const faults = made.kind !== 'usable' ? made.faults : withSlips ? findSchemaSlips(data, 'data') : [];
    return faults.map((fault) => ({
      path: toFieldPath([...path, 'params', 'data', ...fault.path]),
      message: fault.message,
    }));
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
