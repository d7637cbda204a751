/**
 * Puts outputs stored as blobs back into a workflow's text. This runs on the caller's thread, so that large answers
 * cost the coordinator nothing. Outputs that would make the answer too large become a pointer to their step.
 */
import type { WorkflowText } from '../contract/coordinator.ts';
import { limits } from '../contract/limits.ts';
import type { WorkflowStep } from '../contract/workflow.ts';

export type ReadBlob = (blob: string) => Promise<Uint8Array>;

interface BlobRef {
  blob: string;
  bytes: number;
}

function toBlobRef(outputs: WorkflowStep['outputs']): BlobRef | null {
  if (outputs === null || Object.keys(outputs).length !== 2) return null;
  const { blob, bytes } = outputs;
  return typeof blob === 'string' && /^[0-9a-f]{64}$/.test(blob) && typeof bytes === 'number' ? { blob, bytes } : null;
}

/** The step with its outputs, read from their blob if they are in one. */
export async function toWholeStep(step: WorkflowStep, readBlob: ReadBlob): Promise<WorkflowStep> {
  const ref = toBlobRef(step.outputs);
  if (!ref) return step;
  const text = Buffer.from(await readBlob(ref.blob)).toString('utf8');
  return { ...step, outputs: JSON.parse(text) as Record<string, unknown> };
}

/** The workflow's JSON text with its outputs in place, up to `limits.answerBytesMax`. */
export async function toWholeText(text: WorkflowText, readBlob: ReadBlob): Promise<string> {
  if (!text.hasBlobs) return text.json;
  const workflow = JSON.parse(text.json) as { id: string; steps: WorkflowStep[] };
  let bytes = text.json.length;
  const steps: WorkflowStep[] = [];
  for (const step of workflow.steps) {
    const ref = toBlobRef(step.outputs);
    if (ref && bytes + ref.bytes > limits.answerBytesMax) {
      const href = `/api/workflows/${workflow.id}/steps/${encodeURIComponent(step.id)}`;
      steps.push({ ...step, outputs: { truncated: true, bytes: ref.bytes, href } });
    } else {
      bytes += ref?.bytes ?? 0;
      steps.push(await toWholeStep(step, readBlob));
    }
  }
  return JSON.stringify({ ...workflow, steps }, null, 2);
}
