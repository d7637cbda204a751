/** The engine a command talks to: one of its own on a data directory, or a server's. */
import { mkdtemp, rm } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readSettings } from '../config.ts';
import type { Engine } from '../contract/engine.ts';
import type { EngineSettings, ServerSettings } from '../contract/settings.ts';
import type { CliClients, CliContext, CliEngine } from './context.ts';
import { usageError } from './exit.ts';
import { createRemoteEngine, RestClient, toClientCalls } from './remote-engine.ts';

export interface EngineAccess {
  engine: CliEngine;
  /** Where the server is; null for an engine of our own. */
  serverUrl: string | null;
  /** Whether what the workflow leaves behind is still there afterwards. */
  keepsData: boolean;
  close(): Promise<void>;
}

export type DataPaths = Pick<EngineSettings, 'workflowsDir' | 'queueStateFile'>;

/** A data directory holds `workflows/` and `queue-state.json`, as the working directory of `serve` does. */
export function toDataPaths(dir: string, cwd: string): DataPaths {
  return { workflowsDir: resolve(cwd, dir, 'workflows'), queueStateFile: resolve(cwd, dir, 'queue-state.json') };
}

/** Without paths the engine lives in a temporary directory, which goes when it is closed. `differing` stands above the settings. */
export async function openLocalEngine(
  context: CliContext,
  paths: DataPaths | undefined,
  differing: Partial<EngineSettings> = {},
): Promise<EngineAccess & { engine: Engine }> {
  const settings = readSettings(context.env, context.cwd).engine;
  const tempDir = paths === undefined ? await mkdtemp(join(tmpdir(), 'hybrid-engine-')) : undefined;
  const removeTempDir = async () => {
    if (tempDir !== undefined) await rm(tempDir, { recursive: true, force: true });
  };
  try {
    const { createEngine } = await import('../main.ts');
    const engine = await createEngine({
      // The terminal belongs to the progress; what a workflow has to say is in its steps.
      settings: {
        ...settings,
        ...(paths ?? toDataPaths(tempDir ?? '', context.cwd)),
        ownPort: null,
        logLevel: 'fatal',
        ...differing,
      },
    });
    const close = async () => {
      await engine.close();
      await removeTempDir();
    };
    return { engine, serverUrl: null, keepsData: tempDir === undefined, close };
  } catch (error) {
    await removeTempDir();
    throw error;
  }
}

/** The server at `url`, or the one that HOST and PORT name. */
export function openServer(context: CliContext, url: string | undefined): EngineAccess & { clients: CliClients } {
  const { server } = readSettings(context.env, context.cwd);
  const serverUrl = url === undefined ? toUrl(server) : checkUrl(url);
  const client = new RestClient(serverUrl, server.apiToken);
  const parts = { engine: createRemoteEngine(client), clients: toClientCalls(client) };
  return { ...parts, serverUrl, keepsData: true, close: () => client.close() };
}

function toUrl({ host, port }: ServerSettings): string {
  // A server that listens on every address is reached on the loopback one.
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${isIPv6(reached) ? `[${reached}]` : reached}:${port}`;
}

function checkUrl(url: string): string {
  if (url.includes('@') || url.includes('?')) {
    throw usageError('--server takes an address without credentials or query; the token is the setting API_TOKEN');
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') {
    return (parsed.origin + parsed.pathname).replace(/\/+$/, '');
  }
  throw usageError(`--server ${url} is not an address of an engine; write it like http://127.0.0.1:8000`);
}
