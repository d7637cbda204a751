/** `clients`: the extensions that are paired with a server and the programs with a token of their own; revokes one. */
import type { PairedClient } from '../contract/pairing.ts';
import type { CliContext } from './context.ts';
import { openServer } from './engine-access.ts';
import { usageError } from './exit.ts';
import { printable } from './printable.ts';
import { toTable } from './table.ts';

export interface ClientsOptions {
  json?: boolean;
  server?: string;
}

export async function clients(
  what: string | undefined,
  id: string | undefined,
  { json, server }: ClientsOptions,
  context: CliContext,
): Promise<void> {
  const verb = what ?? 'list';
  if (verb !== 'list' && verb !== 'revoke') throw usageError(`"${what}" is none of list, revoke`);
  if (verb === 'list' && id !== undefined) throw usageError('list takes no id');
  const access = openServer(context, server);
  try {
    if (verb === 'list') {
      const all = await access.clients.list();
      context.stdout.write(json ? `${JSON.stringify(all, null, 2)}\n` : toText(all));
      return;
    }
    if (id === undefined) throw usageError('which client? hybrid-engine clients revoke <id>');
    await access.clients.revoke(id);
    context.stdout.write(json ? `${JSON.stringify({ revoked: id })}\n` : `${printable(id)} is revoked\n`);
  } finally {
    await access.close();
  }
}

function toText(all: readonly PairedClient[]): string {
  if (all.length === 0) return 'nobody is paired\n';
  const rows = all.map(({ id, name, scope, created_at, last_used_at, origin }) => [
    id,
    name,
    scope,
    created_at,
    last_used_at ?? 'never',
    origin ?? '-',
  ]);
  return toTable(['ID', 'NAME', 'SCOPE', 'PAIRED', 'LAST USED', 'ORIGIN'], rows);
}
