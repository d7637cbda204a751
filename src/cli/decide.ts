/** `decide`: approves or rejects a step of a server's workflow that waits for a decision. */
import { resolve } from 'node:path';
import type { DecisionRequest } from '../contract/decision.ts';
import type { CliContext } from './context.ts';
import { readTextFile } from './definition-file.ts';
import { openServer } from './engine-access.ts';
import { usageError } from './exit.ts';
import { printable } from './printable.ts';

export interface DecideOptions {
  approve?: boolean;
  reject?: boolean;
  by?: string;
  comment?: string;
  /** JSON, or `@file`. */
  data?: string;
  json?: boolean;
  server?: string;
}

export async function decide(
  workflowId: string,
  stepId: string,
  options: DecideOptions,
  context: CliContext,
): Promise<void> {
  if ((options.approve ?? false) === (options.reject ?? false)) throw usageError('say either --approve or --reject');
  const request = await readRequest(options, context);
  const access = openServer(context, options.server);
  try {
    const step = await access.engine.decide(workflowId, stepId, request);
    const { stdout } = context;
    if (options.json) stdout.write(`${JSON.stringify(step, null, 2)}\n`);
    else stdout.write(`${printable(step.id)} ${request.approved ? 'approved' : 'rejected'}\n`);
  } finally {
    await access.close();
  }
}

async function readRequest(
  { approve = false, by, comment, data }: DecideOptions,
  { cwd }: CliContext,
): Promise<DecisionRequest> {
  return {
    approved: approve,
    ...(by === undefined ? {} : { by }),
    ...(comment === undefined ? {} : { comment }),
    ...(data === undefined ? {} : { data: await readData(data, cwd) }),
  };
}

async function readData(written: string, cwd: string): Promise<unknown> {
  const file = written.startsWith('@') ? written.slice(1) : null;
  const text = file === null ? written : await readTextFile(resolve(cwd, file), file);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw usageError(`--data ${file === null ? '' : `@${file} `}is not JSON; a text is written as '"like this"'`);
  }
}
