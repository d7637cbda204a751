/** Bugs in schedules: slots that run twice, or pass without a word. */
import type { Mutant } from './mutant.ts';

const test = 'test/engine/schedules.test.ts';

export const schedulesMutants: Mutant[] = [
  {
    name: 'the cursor falls when a schedule changes after the clock was set back',
    breaks: 'SD1',
    file: 'src/engine/schedule-book.ts',
    find: 'Math.max(now, toMs(known.cursor))',
    replace: 'now',
    test,
  },
  {
    name: 'a slot is begun without looking whether it has its workflow',
    breaks: 'SL1',
    file: 'src/engine/schedules.ts',
    find: 'const open = slots.filter((_, i) => owners[i] === null);',
    replace: 'const open = slots.filter(() => true); owners.fill(null);',
    test,
    only: 'leaves one workflow for the slot',
  },
  {
    name: 'a full disk lets the slot pass',
    breaks: 'SL2',
    file: 'src/engine/slot-runs.ts',
    find: "new Set(['BUSY', 'DISK_FULL', 'TOO_MANY', 'REQUEST_TIMEOUT'])",
    replace: 'new Set([])',
    test,
    only: 'that is refused for now',
  },
  {
    name: 'a change of the file counts before it is durable',
    breaks: 'SD1',
    file: 'src/engine/schedule-book.ts',
    find: "    await this.#coordinator.call('writeSchedules', { version: 1, schedules: Object.fromEntries(next) });\n    this.#records = next;",
    replace:
      "    this.#records = next;\n    await this.#coordinator.call('writeSchedules', { version: 1, schedules: Object.fromEntries(next) });",
    test,
    only: 'a full disk',
  },
  {
    name: 'slots that pass while the template has a fault run when it is mended',
    breaks: 'SD1',
    file: 'src/engine/schedules.ts',
    find: 'if (record.pausedAt !== null || !record.enabled || wasMissing) record',
    replace: 'if (record.pausedAt !== null || !record.enabled) record',
    test,
    only: 'gone or broken',
  },
  {
    name: 'a damaged file is taken for none, and nobody is told',
    breaks: 'V1',
    file: 'src/coordinator/calls/schedules.ts',
    find: 'const place = store.setAsideSchedules(reason);',
    replace: 'return empty();\n    const place = store.setAsideSchedules(reason);',
    test,
    only: 'is set aside',
  },
  {
    name: 'a resume runs the slots of the pause',
    breaks: 'SD1',
    file: 'src/engine/schedules.ts',
    find: '{ ...passPaused(record, now), pausedAt: null }',
    replace: '{ ...record, pausedAt: null }',
    test,
    only: 'pause: slots pass',
  },
];
