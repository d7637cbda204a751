/** What is wrong with the schedule of a template, as far as its file shows it. */
import type { Template } from '../contract/definition.ts';
import type { FieldError } from '../contract/failures.ts';
import { findCronFault, findZoneFault } from '../core/cron.ts';
import { bindSlot, findSlotFaults } from '../core/due-slots.ts';
import type { ParamsSchema } from './params-schema.ts';
import { isQuickOnceLoaded } from './quick-check.ts';

const anySlot = '2024-01-01T00:00:00.000Z';

/**
 * `schema`: that of the template's params, if it has one. Where it is slow to apply, each slot's run checks the params,
 * in a thread of its own.
 */
export function findScheduleFaults(template: Template, schema: ParamsSchema | undefined): FieldError[] {
  const { schedule, params: written } = template;
  if (schedule === undefined) return [];
  const { cron, timezone, params = {} } = schedule;
  const faults: FieldError[] = [];
  const cronFault = findCronFault(cron);
  if (cronFault !== null) faults.push({ path: 'schedule.cron', message: cronFault });
  const zoneFault = findZoneFault(timezone);
  if (zoneFault !== null) faults.push({ path: 'schedule.timezone', message: zoneFault });
  const ofReferences = findSlotFaults(params);
  for (const fault of ofReferences) faults.push(fault);
  if (ofReferences.length > 0 || schema === undefined || written === undefined) return faults;
  if (!isQuickOnceLoaded(written, params)) return faults;
  // A check fills in defaults, so it gets a copy: `bindSlot` makes one.
  for (const { path, message } of schema.check(bindSlot(params, anySlot)).errors) {
    faults.push({ path: `schedule.${path}`, message: `${message} (the schema is that of the template's params)` });
  }
  return faults;
}
