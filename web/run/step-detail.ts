/** A step as REST tells it, made small enough for the page. Pure; it runs in the worker. */
import type { WorkflowStep } from '../../src/contract/workflow.ts';
import type { LineText, StepDetail } from './run-messages.ts';

/** So much of a step's main text is shown; the rest on request. */
export const contentMax = 256 * 1024;

export function toLineText(lines: readonly string[]): LineText {
  const starts = new Uint32Array(lines.length + 1);
  // A log line may hold line breaks of its own.
  for (let i = 0; i < lines.length; i += 1) starts[i + 1] = starts[i]! + lines[i]!.length + 1;
  return { text: lines.join('\n'), starts };
}

export function lineAt({ text, starts }: LineText, i: number): string {
  return text.slice(starts[i]!, starts[i + 1]! - 1);
}

export function countLines({ starts }: LineText): number {
  return starts.length - 1;
}

/** `outputs` without the main text, which is shown above them. */
export function restOf(outputs: Record<string, unknown> | null): Record<string, unknown> | null {
  if (outputs === null || typeof outputs.content !== 'string') return outputs;
  const { content: _content, ...rest } = outputs;
  return rest;
}

export function toDetail(step: WorkflowStep): StepDetail {
  const { params, outputs, logs, metadata, ...fields } = step;
  const content = typeof outputs?.content === 'string' ? outputs.content : null;
  const isTruncated = outputs?.truncated === true && typeof outputs.bytes === 'number';
  const rest = restOf(outputs);
  return {
    ...fields,
    content: content === null ? null : { text: content.slice(0, contentMax), length: content.length },
    contentType: typeof outputs?.content_type === 'string' ? outputs.content_type : null,
    outputsCount: rest === null ? null : Object.keys(rest).length,
    truncatedBytes: isTruncated ? (outputs.bytes as number) : null,
    paramsCount: Object.keys(params).length,
    metadataCount: Object.keys(metadata ?? {}).length,
    logs: toLineText(logs),
    dataSchema: step.action === 'approval' ? toSchema(params.data) : null,
  };
}

function toSchema(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

export interface LogParts {
  readonly text: string;
  /** ISO time that the line itself names. */
  readonly at: string | null;
  readonly level: 'info' | 'warn' | 'error';
}

const timePattern = /^(.*?) at (\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))(.*)$/s;

/** A line of a step's log: its time stands apart, and its first word says how much it matters. */
export function toLogParts(line: string): LogParts {
  const [, before, at, after] = timePattern.exec(line) ?? [];
  const text = before === undefined ? line : `${before}${after}`;
  const level = line.startsWith('Failed')
    ? 'error'
    : /^(?:Retrying|Recovered|Tolerated|Warning|Paused|Nobody decided)/.test(line)
      ? 'warn'
      : 'info';
  return { text, at: at ?? null, level };
}
