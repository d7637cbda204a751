/** The log of a step holds its latest lines, each cut at a bound: a step that is tried for ever does not fill memory. */
import { limits } from '../contract/limits.ts';
import type { StepState } from './state.ts';

export function addLogs(step: StepState, lines: readonly string[]): readonly string[] {
  const logs = [...step.logs, ...lines.map((line) => line.slice(0, limits.logLineLengthMax))];
  return logs.length > limits.logLinesMax ? logs.slice(-limits.logLinesMax) : logs;
}
