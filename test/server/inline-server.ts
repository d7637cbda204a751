/** A server on a free port over a real engine, whose steps end when the test says so. */
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { ServerSettings } from '../../src/contract/settings.ts';
import type { ServerBounds } from '../../src/server/bounds.ts';
import { createServer } from '../../src/server/server.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { type InlineEngine, type InlineOptions, openInline } from '../fixtures/inline-engine.ts';
import { type Answer, type CallOptions, callPort, testSettings } from './running-server.ts';

export interface InlineServer extends InlineEngine {
  port: number;
  url: string;
  dir: EngineDir;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Creates a workflow; `wait` seconds for it to come to rest. */
  create(definition: unknown, wait?: number): Promise<string>;
  /** Ends server and engine, as a stop does. */
  close(): Promise<void>;
}

export async function startInlineServer(
  options: {
    inline?: InlineOptions;
    settings?: Partial<ServerSettings>;
    bounds?: Partial<ServerBounds>;
    dir?: EngineDir;
  } = {},
): Promise<InlineServer> {
  const dir = options.dir ?? new EngineDir();
  if (options.dir === undefined) onTestFinished(() => dir.remove());
  const inline = await openInline(dir, options.inline);
  const server = createServer({
    engine: inline.engine,
    settings: { ...testSettings, ...options.settings },
    log: pino({ level: 'silent' }),
    version: '1.2.3',
    bounds: { closeGraceMs: 100, lingerMs: 500, ...options.bounds },
  });
  const { port, url } = await server.listen();
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= server.close().then(() => inline.engine.close());
    return closing;
  };
  onTestFinished(close);
  const token = options.settings?.apiToken;
  const authorized = token ? { Authorization: `Bearer ${token}` } : {};
  const call = (method: string, path: string, callOptions: CallOptions = {}) =>
    callPort(port, method, path, { ...callOptions, headers: { ...authorized, ...(callOptions.headers as object) } });
  return {
    ...inline,
    port,
    url,
    dir,
    call,
    close,
    async create(definition, wait) {
      const answer = await call('POST', `/api/workflows${wait === undefined ? '' : `?wait=${wait}`}`, {
        body: definition,
      });
      if (answer.status !== 201) throw new Error(`the workflow was not created: ${answer.text}`);
      return answer.json.id;
    },
  };
}
