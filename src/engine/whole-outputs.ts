/**
 * Puts outputs stored as blobs back into a workflow's text. This runs on the caller's thread, so that large answers
 * cost the coordinator nothing. Outputs that would make the answer too large become a pointer to their step.
 */
import type { WorkflowText } from '../contract/coordinator.ts';
import type { AskRoom } from '../contract/engine.ts';
import { limits } from '../contract/limits.ts';
import type { WorkflowStep } from '../contract/workflow.ts';

export type ReadBlob = (blob: string) => Promise<Uint8Array>;

interface Reading {
  readBlob: ReadBlob;
  /** Asked before blobs are read, for all of them and the text around them. */
  room?: AskRoom | undefined;
}

interface BlobRef {
  blob: string;
  bytes: number;
}

function toBlobRef(outputs: WorkflowStep['outputs']): BlobRef | null {
  if (outputs === null || Object.keys(outputs).length !== 2) return null;
  const { blob, bytes } = outputs;
  return typeof blob === 'string' && /^[0-9a-f]{64}$/.test(blob) && typeof bytes === 'number' ? { blob, bytes } : null;
}

/** Bytes of a step's outputs that lie in a blob; 0 where they stand in the step. */
export function blobBytes(step: WorkflowStep): number {
  return toBlobRef(step.outputs)?.bytes ?? 0;
}

/** The step with its outputs, read from their blob if they are in one. */
export async function toWholeStep(step: WorkflowStep, readBlob: ReadBlob): Promise<WorkflowStep> {
  const ref = toBlobRef(step.outputs);
  if (!ref) return step;
  const text = Buffer.from(await readBlob(ref.blob)).toString('utf8');
  return { ...step, outputs: JSON.parse(text) as Record<string, unknown> };
}

/**
 * Steps of one workflow with their outputs, up to `limits.answerBytesMax` together with the `length` of the text that
 * they came in; beyond it outputs become `{truncated, bytes, href}`.
 */
export async function toWholeSteps(
  id: string,
  steps: readonly WorkflowStep[],
  { length, readBlob, room }: Reading & { length: number },
): Promise<WorkflowStep[]> {
  let bytes = length;
  const fitting = steps.map((step) => {
    const ref = toBlobRef(step.outputs);
    if (ref && bytes + ref.bytes > limits.answerBytesMax) {
      const href = `/api/workflows/${id}/steps/${encodeURIComponent(step.id)}`;
      return { ...step, outputs: { truncated: true, bytes: ref.bytes, href } };
    }
    bytes += ref?.bytes ?? 0;
    return step;
  });
  if (bytes > length) await room?.(bytes);
  const whole: WorkflowStep[] = [];
  for (const step of fitting) whole.push(await toWholeStep(step, readBlob));
  return whole;
}

/** The workflow's JSON text with its outputs in place, up to `limits.answerBytesMax`, or without those in blobs. */
export async function toWholeText(
  text: WorkflowText,
  { withoutBlobs = false, ...reading }: Reading & { withoutBlobs?: boolean | undefined },
): Promise<string> {
  if (!text.hasBlobs) return text.json;
  const workflow = JSON.parse(text.json) as { id: string; steps: WorkflowStep[] };
  const steps = withoutBlobs
    ? workflow.steps.map(toTruncatedStep)
    : await toWholeSteps(workflow.id, workflow.steps, { ...reading, length: text.json.length });
  return JSON.stringify({ ...workflow, steps }, null, 2);
}

function toTruncatedStep(step: WorkflowStep): WorkflowStep {
  const ref = toBlobRef(step.outputs);
  return ref ? { ...step, outputs: { truncated: true, bytes: ref.bytes } } : step;
}
