/** The calls behind paired clients: what is kept of them on disk, and which workflows are theirs. */
import type { Call, CallHandlers } from '../../contract/coordinator.ts';
import { clientsFileSchema, type KeptClients } from '../../contract/pairing.ts';
import type { StorePort } from '../../contract/store.ts';
import type { Incidents } from '../incidents.ts';
import type { Workflows } from '../workflows.ts';

export interface ClientParts {
  store: StorePort;
  incidents: Incidents;
  workflows: Workflows;
}

type ClientCalls = CallHandlers<'readClients' | 'writeClients' | 'holdsKey'>;

export function createClientCalls({ store, incidents, workflows }: ClientParts): ClientCalls {
  const readClients: Call<'readClients'> = async () => {
    const text = await store.readClients();
    const read = text === null ? nobody : parse(text);
    if (read !== null) return read;
    const reason = 'clients.json is not what the engine wrote';
    const place = store.setAsideClients(reason);
    incidents.warn(`${reason}: every extension has to be paired again; the file was set aside in ${place}`);
    return nobody;
  };

  const writeClients: Call<'writeClients'> = async (file) => {
    await store.writeClients(`${JSON.stringify(file, null, 2)}\n`);
    return null;
  };

  const holdsKey: Call<'holdsKey'> = async ({ id, prefix }) => ({ holds: workflows.holdsKey(id, prefix) });

  return { readClients, writeClients, holdsKey };
}

const nobody: KeptClients = { version: 1, clients: [] };

function parse(text: string): KeptClients | null {
  try {
    return clientsFileSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
