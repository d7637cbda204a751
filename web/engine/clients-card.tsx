/** Who may call besides the API_TOKEN: shows a code that pairs an extension, lists the clients, and revokes them. */
import { useEffect, useState } from 'preact/hooks';
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
      <div class="schedule-head">
        <h2>Clients</h2>
        <span class="grow" />
        <button type="button" class="button small" onClick={() => void pair()}>
          Pair an extension
        </button>
      </div>
      {clients.error !== null && clients.data === null ? <Failed error={clients.error} what="clients" /> : null}
      {clients.data === null ? null : <Table clients={clients.data} onRevoked={() => clients.reload()} />}
      {pairing === null ? null : <Code pairing={pairing} known={clients.data ?? []} onClose={close} />}
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
            <th scope="col">Name</th>
            <th scope="col">Scope</th>
            <th scope="col">Origin</th>
            <th scope="col">Paired</th>
            <th scope="col">Last used, by the hour</th>
            <th scope="col">
              <span class="visually-hidden">Revoke</span>
            </th>
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

/** While a code is shown it is asked so often whether somebody has used it. */
const askMs = 1_500;

interface CodeProps {
  readonly pairing: Pairing;
  /** Clients that were there before. */
  readonly known: readonly PairedClient[];
  onClose(): void;
}

function Code({ pairing, known, onClose }: CodeProps) {
  useEffect(() => {
    const timer = setInterval(async () => {
      // Where it cannot be asked now, it is asked again.
      const now = await get<PairedClient[]>('/api/clients').catch(() => known);
      const paired = now.find(({ id }) => !known.some((one) => one.id === id));
      if (paired === undefined) return;
      clearInterval(timer);
      toast({ text: `${toSafeLine(paired.name)} is paired` });
      onClose();
    }, askMs);
    return () => clearInterval(timer);
  }, [pairing]);
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
