/** Bugs in decisions of people, in the list of what waits, and in what one step shows. */
import type { Mutant } from './mutant.ts';

const steps = 'src/coordinator/calls/steps.ts';
const view = 'src/coordinator/steps/step-view.ts';
const calls = 'src/engine/step-calls.ts';
const test = 'test/engine/decisions.test.ts';

export const decisionsMutants: Mutant[] = [
  {
    name: 'a second decision replaces the first',
    breaks: 'TR1',
    file: 'src/core/decide-flow.ts',
    find: "  if (step.wait?.for !== 'decision') throw",
    replace: "  if (step.action !== 'approval') throw",
    test,
  },
  {
    name: 'data of a decision is not held against the schema',
    breaks: 'PC2',
    file: calls,
    find: '    if (checked.errors.length === 0) return',
    replace: '    if (checked.errors.length >= 0) return',
    test,
  },
  {
    name: 'data of a decision is held against the schema without its references',
    breaks: 'N1',
    file: view,
    find: '  return bound.data === null ? { message: text } : { message: text, dataSchema: bound.data };',
    replace: '  return data === undefined ? { message: text } : { message: text, dataSchema: data as JsonObject };',
    test,
  },
  {
    name: 'a key of the settings in a decision is kept',
    breaks: 'G12',
    file: steps,
    find: '    if (secret.length > 0) throw',
    replace: '    if (secret.length > 100) throw',
    test,
  },
  {
    name: 'what waits is listed in the order of the workflows in memory',
    breaks: 'the order of GET /api/waiting',
    file: steps,
    find: 'found.sort((a, b) => a.since - b.since)',
    replace: 'found.sort((a, b) => b.since - a.since)',
    test,
  },
  {
    name: 'what repeats one large value for each item is bound whole',
    breaks: 'F4',
    file: 'src/coordinator/steps/step-scope.ts',
    find: '      charsLeft -= length;\n',
    replace: '',
    test,
  },
  {
    name: 'a made step hides its params in its own answer too',
    breaks: 'F1',
    file: view,
    find: '  return { ...toStepView(step), params, timeoutMs, retry, ...toFlowFields(flow) };',
    replace: '  return { ...{ params, timeoutMs, retry }, ...toStepView(step), ...toFlowFields(flow) };',
    test,
  },
  {
    name: 'a key of the settings within a group is kept',
    breaks: 'G12',
    file: 'src/coordinator/calls/create.ts',
    find: '    ...[...stepsWithin(definition)].flatMap(({ step, path }) =>',
    replace: '    ...[...stepsWithin(definition)].slice(0, 1).flatMap(({ step, path }) =>',
    test: 'test/engine/secrets.test.ts',
  },
  {
    name: 'a param that a template declares is unknown where a run leaves it out',
    breaks: 'N6',
    file: 'src/engine/templates.ts',
    find: 'declaredParams: Object.keys(template.params?.properties ?? {})',
    replace: 'declaredParams: []',
    test: 'test/engine/template-params.test.ts',
  },
  {
    name: 'steps that appear at run time are not counted',
    breaks: 'the progress of a run',
    file: 'src/cli/coming-steps.ts',
    find: "    if (kind === 'step.mapped') return",
    replace: "    if (kind === 'step.skipped') return",
    test: 'test/cli/progress.test.ts',
  },
  {
    name: 'failed items are folded away with the others',
    breaks: 'show lists failed items first',
    file: 'src/cli/step-rows.ts',
    find: "  if (status === 'FAILED') return 0;",
    replace: "  if (status === 'FAILED') return looksGood;",
    test: 'test/cli/step-rows.test.ts',
  },
];
