/**
 * Workflows as answers carry them: the engine's own text where it fits, outputs replaced where it does not.
 *
 *   WP1  a document within the bound is sent as it came, neither parsed nor built anew;
 *   WP2  beyond the bound outputs give way, largest first, each to `{truncated, bytes, href}`; nothing else is left out.
 */
import type { Context } from 'koa';
import type { WorkflowReply } from '../contract/engine.ts';
import { workflowNotFound } from '../contract/failures.ts';
import { type Workflow, workflowIdSchema } from '../contract/workflow.ts';
import type { ServerBounds } from './bounds.ts';
import { quoted } from './problem.ts';
import { pathParameter } from './route.ts';

export const jsonMediaType = 'application/json; charset=utf-8';

/** The id in the path. What is not a UUID cannot be a workflow's id, and is not looked for. */
export function readWorkflowId(ctx: Context): string {
  const id = pathParameter(ctx, 'id');
  if (!workflowIdSchema.safeParse(id).success) throw workflowNotFound(quoted(id));
  return id;
}

export function sendJson(ctx: Context, status: number, text: string): void {
  ctx.status = status;
  ctx.type = jsonMediaType;
  ctx.body = text;
}

export function sendWorkflow(ctx: Context, status: number, reply: WorkflowReply, bounds: ServerBounds): void {
  if (reply.replayed) ctx.set('Idempotency-Replayed', 'true');
  sendJson(ctx, status, fitted(reply, bounds.answerBytesMax));
}

export function sendCreated(ctx: Context, reply: WorkflowReply, bounds: ServerBounds): void {
  ctx.set('Location', workflowHref(reply.id));
  sendWorkflow(ctx, 201, reply, bounds);
}

export function workflowHref(id: string): string {
  return `/api/workflows/${id}`;
}

export function stepHref(id: string, stepId: string): string {
  return `${workflowHref(id)}/steps/${encodeURIComponent(stepId)}`;
}

/** A workflow's text with every output above `outputsBytesMax` replaced by `{truncated, bytes}`. */
export function withoutLargeOutputs(reply: WorkflowReply, outputsBytesMax: number): string {
  // What is small as a whole holds nothing large.
  if (reply.json.length <= outputsBytesMax) return reply.json;
  const workflow: Workflow = JSON.parse(reply.json);
  let replaced = false;
  for (const step of workflow.steps) {
    const bytes = outputsBytes(step.outputs);
    if (bytes <= outputsBytesMax) continue;
    step.outputs = { truncated: true, bytes };
    replaced = true;
  }
  return replaced ? JSON.stringify(workflow) : reply.json;
}

function fitted(reply: WorkflowReply, bytesMax: number): string {
  let total = Buffer.byteLength(reply.json);
  if (total <= bytesMax) return reply.json;
  const workflow: Workflow = JSON.parse(reply.json);
  const largest = workflow.steps
    .map((step) => ({ step, bytes: outputsBytes(step.outputs) }))
    .sort((left, right) => right.bytes - left.bytes);
  for (const { step, bytes } of largest) {
    if (total <= bytesMax) break;
    const stand = { truncated: true, bytes, href: stepHref(reply.id, step.id) };
    const saved = bytes - outputsBytes(stand);
    if (saved <= 0) break;
    step.outputs = stand;
    total -= saved;
  }
  return JSON.stringify(workflow);
}

function outputsBytes(outputs: Record<string, unknown> | null): number {
  return outputs === null ? 0 : Buffer.byteLength(JSON.stringify(outputs));
}
