/**
 * One step's text in a workflow's text: JSON, moved in by four, put together from the fields that never change and those
 * that do. A step is encoded up to three times in its life, and `JSON.stringify` of the whole object costs more than twice
 * as much (4.4 to 4.8 µs against 2.0 µs).
 *
 * The layout is that of `JSON.stringify(step, null, 2)`, except for large outputs (see `field-text.ts`).
 */
import { toDuration } from './duration.ts';
import { isCompact, toFieldText, toOutputsText } from './field-text.ts';
import { plainFlow, toFlowFields } from './flow.ts';
import { type StepState, toAwaited } from './step-state.ts';
import { toIso } from './time.ts';

/** The text of a step's fields that stay as they were defined. */
export interface FixedText {
  /** Up to the status. */
  readonly head: string;
  /** Dependencies and params, up to the outputs. */
  readonly middle: string;
  /** timeoutMs, retry, cache, and what the step says of when and how often it runs. */
  readonly tail: string;
}

/**
 * What is shown of the definition of a step that a group has made: the group shows it once, in its own fields or in its
 * `body`. A prompt of 5 KB would make a file of 100 MB, once for each of 20,000 items.
 */
export function toShownDefinition(step: StepState): Pick<StepState, 'params' | 'timeoutMs' | 'retry'> {
  return step.of === null ? step : { params: {}, timeoutMs: null, retry: null };
}

/** What the step waits for besides its dependencies and a slot. */
export function toWaitFields({ pause, wait, child }: StepState) {
  if (pause !== null) return { reason: pause.reason, waits: { for: 'budget' as const } };
  if (wait === null) return {};
  const until = wait.until === null ? null : toIso(wait.until);
  const reason = `waits for ${toAwaited({ child, wait })}${until === null ? '' : ` until ${until}`}`;
  const rest = wait.atRest ? { atRest: true as const } : {};
  return { reason, waits: { for: wait.for, ...(until === null ? {} : { until }), ...rest } };
}

export function toCodeField({ errorCode }: StepState) {
  return errorCode === null ? {} : { errorCode };
}

export function toQueuedField({ queuedAt }: StepState) {
  return queuedAt === null ? {} : { queuedAt: toIso(queuedAt) };
}

export function toAttemptsField({ attempts }: StepState) {
  return attempts.length === 0 ? {} : { attempts: [...attempts] };
}

/** What came of a step with a condition, a list, a loop or a workflow. */
export function toMadeFields({ of, count, child, outcome }: StepState) {
  return {
    ...(of === null ? {} : { of }),
    ...(count === null ? {} : { count }),
    ...(child === null ? {} : { child }),
    ...(outcome === null ? {} : { outcome }),
  };
}

export function toFixedText(step: StepState): FixedText {
  const { id, name, action, dependencies, cache, of, flow } = step;
  const { params, timeoutMs, retry } = toShownDefinition(step);
  return {
    head: `    {\n      "id": ${JSON.stringify(id)},\n      "name": ${JSON.stringify(name)},\n      "action": ${JSON.stringify(action)},\n      "status": "`,
    middle: `",\n      "dependencies": ${toFieldText(dependencies)},\n      "params": ${toFieldText(params)},\n      "outputs": `,
    tail:
      `,\n      "timeoutMs": ${timeoutMs},\n      "retry": ${toFieldText(retry)}${cache ? `,\n      "cache": true` : ''}` +
      toFieldsText(toFlowFields(of === null ? flow : plainFlow)),
  };
}

/**
 * The step's text in pieces. Large outputs are a piece of their own, the very string that the state holds, so that no
 * second copy of them stays in memory.
 */
export function toStepText(step: StepState, fixed: FixedText): string[] {
  const before = `${fixed.head}${step.status}${fixed.middle}`;
  const outputs = toOutputsText(step.outputs);
  const after = toTextAfterOutputs(step, fixed);
  return isCompact(step.outputs) ? [before, outputs, after] : [before + outputs + after];
}

function toTextAfterOutputs(step: StepState, fixed: FixedText): string {
  const { startTime, endTime } = step;
  const duration = startTime === null || endTime === null ? 'null' : `"${toDuration(endTime - startTime)}"`;
  return (
    `,\n      "error": ${step.error === null ? 'null' : JSON.stringify(step.error)}` +
    `${step.errorCode === null ? '' : `,\n      "errorCode": ${JSON.stringify(step.errorCode)}`}` +
    `${step.pause === null && step.wait === null ? '' : toFieldsText(toWaitFields(step))}` +
    `${step.queuedAt === null ? '' : `,\n      "queuedAt": ${toTime(step.queuedAt)}`}` +
    `,\n      "startTime": ${toTime(startTime)},\n      "endTime": ${toTime(endTime)},\n      "duration": ${duration}` +
    `,\n      "logs": ${toLines(step.logs)},\n      "metadata": ${toFieldText(step.metadata)}` +
    `,\n      "execution_metrics": ${toFieldText(step.metrics)},\n      "attempt": ${step.attempt}` +
    `${step.attempts.length === 0 ? '' : toFieldsText(toAttemptsField(step))}${fixed.tail}${toFieldsText(toMadeFields(step))}\n    }`
  );
}

function toFieldsText(fields: Record<string, unknown>): string {
  let text = '';
  for (const name in fields) text += `,\n      "${name}": ${toFieldText(fields[name])}`;
  return text;
}

function toTime(ms: number | null): string {
  return ms === null ? 'null' : `"${toIso(ms)}"`;
}

function toLines(lines: readonly string[]): string {
  if (lines.length === 0) return '[]';
  return `[\n        ${lines.map((line) => JSON.stringify(line)).join(',\n        ')}\n      ]`;
}
