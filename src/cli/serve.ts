/** `serve`: the engine with its server, until it is told to end. */
import { resolve } from 'node:path';
import type { CliContext } from './context.ts';
import { toDataPaths } from './engine-access.ts';

export interface ServeOptions {
  host?: string;
  port?: string;
  data?: string;
  offline?: boolean;
}

/** Options stand above the environment, and are checked in the same place as it. */
export async function serveEngine(
  { host, port, data, offline }: ServeOptions,
  { env, cwd }: CliContext,
): Promise<void> {
  const paths = data === undefined ? undefined : toDataPaths(data, cwd);
  const { serve } = await import('../main.ts');
  await serve(
    {
      ...env,
      ...(host === undefined ? {} : { HOST: host }),
      ...(port === undefined ? {} : { PORT: port }),
      ...(offline ? { OFFLINE: 'true' } : {}),
      ...(paths === undefined ? {} : { WORKFLOWS_DIR: paths.workflowsDir, QUEUE_STATE_FILE: paths.queueStateFile }),
    },
    resolve(cwd),
  );
}
