/** Who may call besides the API_TOKEN: shows a code that pairs an extension, lists the clients, and revokes them. */
import { useState } from 'preact/hooks';
import type { PairedClient, Pairing } from '../../src/contract/pairing.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { ask, Dialog } from '../ui/dialog.tsx';
import { Failed } from '../ui/empty.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { fullText } from '../ui/time.ts';
import { toast } from '../ui/toast.tsx';
import { get, post, remove } from '../wire/api.ts';
import { detailOf } from '../wire/problem.ts';

export function ClientsCard() {
  const [pairing, setPairing] = useState<Pairing | null>(null);
  const clients = useLoaded<PairedClient[]>('clients', (signal) => get('/api/clients', { signal }));
  const pair = async () => {
    try {
      setPairing(await post<Pairing>('/api/pairings'));
    } catch (problem) {
      toast({ text: detailOf(problem), tone: 'fail' });
    }
  };
  const close = () => {
    setPairing(null);
    clients.reload();
  };
  return (
    <section class="card">
      <div class="page-head">
        <h2>Clients</h2>
        <span class="grow" />
        <button type="button" class="button small" onClick={() => void pair()}>
          Pair an extension
        </button>
      </div>
      {clients.error !== null && clients.data === null ? <Failed error={clients.error} what="clients" /> : null}
      {clients.data === null ? null : <Table clients={clients.data} onRevoked={() => clients.reload()} />}
      {pairing === null ? null : <Code pairing={pairing} onClose={close} />}
    </section>
  );
}

function Table({ clients, onRevoked }: { clients: readonly PairedClient[]; onRevoked(): void }) {
  if (clients.length === 0) return <p class="muted">Nobody is paired.</p>;
  return (
    <div class="table-scroll">
      <table class="table">
        <thead>
          <tr>
            <th>Name</th>
            <th>Scope</th>
            <th>Origin</th>
            <th>Paired</th>
            <th>Last used, by the hour</th>
            <th aria-label="Revoke" />
          </tr>
        </thead>
        <tbody>
          {clients.map((client) => (
            <tr key={client.id}>
              <td>{toSafeLine(client.name)}</td>
              <td>{client.scope}</td>
              <td class="mono">{client.origin === null ? '–' : toSafeLine(client.origin)}</td>
              <td>{fullText(client.created_at)}</td>
              <td>{client.last_used_at === null ? 'never' : fullText(client.last_used_at)}</td>
              <td>
                <button
                  type="button"
                  class="button small"
                  aria-label={`Revoke ${toSafeLine(client.name)}`}
                  onClick={() => void revoke(client, onRevoked)}
                >
                  Revoke
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

async function revoke({ id, name }: PairedClient, onRevoked: () => void): Promise<void> {
  const question = {
    title: 'Revoke this client?',
    text: `${toSafeLine(name)} is refused from now on, and what it has open is cut.`,
    confirm: 'Revoke',
    isDestructive: true,
  };
  if (!(await ask(question))) return;
  try {
    await remove(`/api/clients/${encodeURIComponent(id)}`);
  } catch (problem) {
    toast({ text: detailOf(problem), tone: 'fail' });
  }
  onRevoked();
}

function Code({ pairing, onClose }: { pairing: Pairing; onClose(): void }) {
  return (
    <Dialog title="Pair an extension" onClose={onClose}>
      <p class="pairing-code mono">{pairing.code}</p>
      <p>
        Type it into the extension by {fullText(pairing.expires_at)}. It is good for one extension; five wrong tries end
        it.
      </p>
    </Dialog>
  );
}
