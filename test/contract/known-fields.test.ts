/**
 * Goal: KF1 and KF2: a field with a slip, and a word of another system, are answered with our field, where the object has it.
 * Method: the real schemas of steps, definitions, schedules and budgets, each with one field too many.
 */
import { expect, test } from 'vitest';
import { parseBounded } from '../../src/contract/bounded-parse.ts';
import { stepDefinitionSchema, templateSchema, workflowDefinitionSchema } from '../../src/contract/definition.ts';
import { toFieldErrors } from '../../src/contract/field-errors.ts';
import { scheduleSchema } from '../../src/contract/schedule.ts';

const step = { id: 'a', action: 'noop' };
const definition = { name: 'N', steps: [step] };
const schedule = { cron: '0 7 * * *', timezone: 'UTC' };

test.each([
  ['depend_on', 'dependencies'],
  ['depends_on', 'dependencies'],
  ['dependsOn', 'dependencies'],
  ['needs', 'dependencies'],
  ['dependancies', 'dependencies'],
  ['retires', 'retry'],
  ['retries', 'retry'],
  ['timout', 'timeoutMs'],
  ['timeout', 'timeoutMs'],
  ['timeout_ms', 'timeoutMs'],
  ['if', 'when'],
  ['uses', 'action'],
  ['with', 'params'],
  ['foreach', 'forEach'],
  ['matrix', 'forEach'],
  ['continue-on-error', 'tolerate'],
  // Words for fields that a step does not have.
  ['tz', undefined],
  ['dollars', undefined],
  ['zebra', undefined],
])('a step: %s is %s', (written, meant) => {
  const { error } = parseBounded(stepDefinitionSchema, { ...step, [written]: 1 });
  const guess = meant === undefined ? '' : `; did you mean "${meant}"?`;
  expect(toFieldErrors(error?.issues ?? [])).toEqual([
    { path: written, message: `unknown field "${written}"${guess}` },
  ]);
});

const schemas = { definition: workflowDefinitionSchema, template: templateSchema, schedule: scheduleSchema };

test.each([
  ['definition', { ...definition, failurepolicy: 'continue' }, 'failurepolicy', 'failurePolicy'],
  ['definition', { ...definition, desc: 'x' }, 'desc', 'description'],
  ['definition', { ...definition, budget: { usd: 1, token: 2 } }, 'budget.token', 'tokens'],
  [
    'definition',
    { ...definition, steps: [{ ...step, retry: { max_attempts: 2 } }] },
    'steps[0].retry.max_attempts',
    'attemptsMax',
  ],
  [
    'definition',
    { ...definition, steps: [{ ...step, repeat: { until: 'true', max: 2, evry: '1s' } }] },
    'steps[0].repeat.evry',
    'every',
  ],
  [
    'definition',
    { ...definition, steps: [{ id: 'g', forEach: [1], steps: [{ ...step, timout: 5 }] }] },
    'steps[0].steps[0].timout',
    'timeoutMs',
  ],
  ['template', { id: 't', ...definition, scedule: schedule }, 'scedule', 'schedule'],
  ['template', { id: 't', ...definition, jobs: [] }, 'jobs', 'steps'],
  ['template', { id: 't', ...definition, schedule: { ...schedule, overlaps: 'skip' } }, 'schedule.overlaps', 'overlap'],
  ['schedule', { ...schedule, catchup: true }, 'catchup', 'missed'],
] as const)('a %s, %#', (kind, value, path, meant) => {
  const { error } = parseBounded(schemas[kind], value);
  const written = path.split('.').at(-1);
  expect(toFieldErrors(error?.issues ?? [])).toEqual([
    { path, message: `unknown field "${written}"; did you mean "${meant}"?` },
  ]);
});
