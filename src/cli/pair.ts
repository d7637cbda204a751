/** `pair`: shows a code by which a browser extension pairs itself with a server, or makes a token for a program. */
import { limits } from '../contract/limits.ts';
import type { CliContext } from './context.ts';
import { openServer } from './engine-access.ts';
import { usageError } from './exit.ts';
import { printable } from './printable.ts';

export interface PairOptions {
  scope?: string;
  name?: string;
  json?: boolean;
  server?: string;
}

export async function pair(options: PairOptions, context: CliContext): Promise<void> {
  const { scope, name } = options;
  if (scope === undefined && name !== undefined) throw usageError('--name is for --scope: an extension brings its own');
  const access = openServer(context, options.server);
  try {
    const { value, text } =
      scope === undefined
        ? await showCode(access.clients)
        : await makeToken(access.clients, { scope: scope as 'read' | 'capture', name: name ?? 'command line' });
    context.stdout.write(options.json ? `${JSON.stringify(value, null, 2)}\n` : text);
  } finally {
    await access.close();
  }
}

type ClientCalls = ReturnType<typeof openServer>['clients'];

async function showCode(clients: ClientCalls) {
  const value = await clients.pair();
  const code = printable(value.code);
  const minutes = limits.pairingMsMax / 60_000;
  const text = `${code}\n\nType it into the extension within ${minutes} minutes. It is good for one extension; hybrid-engine clients lists who came.\n`;
  return { value, text };
}

async function makeToken(clients: ClientCalls, request: { scope: 'read' | 'capture'; name: string }) {
  const value = await clients.create(request);
  const { id, name } = value.client;
  const text = `${printable(value.token)}\n\nThe token of ${printable(name)} (${printable(id)}), scope ${value.scope}. It is not shown again.\n`;
  return { value, text };
}
