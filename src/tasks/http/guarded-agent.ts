/**
 * The connections of tasks: an undici dispatcher that opens a socket only to an address that `target.ts` has let pass.
 * Checked where the socket is opened, so that redirects, IP literals and names that change their mind are all covered.
 */
import type { buildConnector, Dispatcher } from 'undici';
import type { NetworkRules } from '../../contract/task.ts';
import { type Address, type Lookup, resolveTarget } from './target.ts';

const connectTimeoutMs = 10_000;

const agents = new WeakMap<NetworkRules, Promise<Dispatcher>>();

/** One for each set of rules and thread: connections are kept for the next request. */
export function guardedAgent(rules: NetworkRules): Promise<Dispatcher> {
  const agent = agents.get(rules) ?? createGuardedAgent(rules);
  agents.set(rules, agent);
  return agent;
}

export async function createGuardedAgent(rules: NetworkRules, lookup?: Lookup): Promise<Dispatcher> {
  const { Agent, buildConnector } = await import('undici');
  return new Agent({
    connect(options, callback) {
      const port = Number(options.port || (options.protocol === 'https:' ? 443 : 80));
      resolveTarget(options.hostname, port, rules, lookup).then(
        (addresses) => buildConnector(toConnectorOptions(addresses))(options, callback),
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
      );
    },
  });
}

/** Its look-up answers with the addresses that were checked; for an IP literal there is no look-up. */
function toConnectorOptions(addresses: Address[]): buildConnector.BuildOptions {
  return {
    timeout: connectTimeoutMs,
    // A name may stand for an address nobody listens on: `localhost` is ::1 first on many machines.
    autoSelectFamily: true,
    lookup: (_hostname, options, answer) => {
      if (options.all) answer(null, addresses);
      else answer(null, addresses[0]?.address ?? '', addresses[0]?.family);
    },
  };
}
