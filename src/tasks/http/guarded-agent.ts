/**
 * The connections of tasks: an undici dispatcher that reaches only what `target.ts` has let pass.
 *
 *   GA1  without a proxy, a target is checked where its socket is opened, so that redirects, IP literals and names that
 *        change their mind are all covered;
 *   GA2  with a proxy, the target is checked before the proxy hears of it. A name that this machine cannot resolve is
 *        the proxy's to judge, unless it is a name of a private network;
 *   GA3  an abort ends a request at once, also while its connection is being made.
 */
import type { buildConnector, Dispatcher } from 'undici';
import { type NetworkRules, TaskFailure } from '../../contract/task.ts';
import { proxyFor } from './proxy.ts';
import { type Address, isAllowedHost, type Lookup, portOf, resolveTarget } from './target.ts';

const connectTimeoutMs = 10_000;
/** Behind a proxy many machines have no name server that answers. */
const proxiedLookupMsMax = 2_000;

const agents = new WeakMap<NetworkRules, Promise<Dispatcher>>();

/** One for each set of rules and thread: connections are kept for the next request. */
export function guardedAgent(rules: NetworkRules): Promise<Dispatcher> {
  const agent = agents.get(rules) ?? createGuardedAgent(rules);
  agents.set(rules, agent);
  return agent;
}

export async function createGuardedAgent(rules: NetworkRules, lookup?: Lookup): Promise<Dispatcher> {
  const { Agent, buildConnector, ProxyAgent } = await import('undici');
  const agent = new Agent({
    connect(options, callback) {
      const port = Number(options.port || (options.protocol === 'https:' ? 443 : 80));
      resolveTarget(options.hostname, port, rules, lookup).then(
        (addresses) => buildConnector(toConnectorOptions(addresses))(options, callback),
        (error: unknown) => callback(toError(error), null),
      );
    },
  });
  if (rules.proxies === undefined) return agent.compose(endOnAbort);
  const proxyAgents = new Map<string, Dispatcher>();
  const toProxyAgent = (uri: string): Dispatcher => {
    const tls = { timeout: connectTimeoutMs };
    // Without a tunnel where none is needed: many proxies open tunnels to port 443 alone.
    const made = proxyAgents.get(uri) ?? new ProxyAgent({ uri, proxyTunnel: false, proxyTls: tls, requestTls: tls });
    proxyAgents.set(uri, made);
    return made;
  };
  const throughProxy: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
    const url = new URL(String(options.origin));
    const proxy = proxyFor(url, rules.proxies);
    if (proxy === undefined) return dispatch(options, handler);
    judgeProxied(url, rules, lookup).then(
      () => toProxyAgent(proxy).dispatch(options, toNaming(handler, proxy)),
      (error: unknown) => handler.onResponseError?.(noController, toError(error)),
    );
    return true;
  };
  return agent.compose(throughProxy, endOnAbort);
}

/** GA2. */
async function judgeProxied(url: URL, rules: NetworkRules, lookup: Lookup | undefined): Promise<void> {
  const { hostname } = url;
  const addresses = await Promise.race([
    resolveTarget(hostname, portOf(url), rules, lookup).catch((error: unknown) => {
      if (error instanceof TaskFailure) throw error;
      return [];
    }),
    new Promise<Address[]>((resolve) => setTimeout(() => resolve([]), proxiedLookupMsMax).unref()),
  ]);
  if (addresses.length > 0 || isAllowedHost(url, rules) || !isPrivateName(hostname)) return;
  throw new TaskFailure(
    'TARGET_REFUSED',
    `${url.host} is refused: it is the name of a private network, which the proxy might reach; to allow it, add ${url.host} to HTTP_ALLOW_HOSTS`,
  );
}

/** Names without a dot, and those that are reserved for private use (RFC 6761, 6762, 8375; ICANN). */
function isPrivateName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '');
  return !name.includes('.') || /\.(?:localhost|local|internal|intranet|private|corp|home|lan|home\.arpa)$/.test(name);
}

const noController: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  rawHeaders: null,
  rawTrailers: null,
  abort() {},
  pause() {},
  resume() {},
};

/** GA3: undici hears of an abort only when the connection is there. */
const endOnAbort: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  const { signal } = options as { signal?: AbortSignal | null };
  if (!(signal instanceof AbortSignal)) return dispatch(options, handler);
  let isEnded = false;
  const end = () => {
    isEnded = true;
    handler.onResponseError?.(noController, toError(signal.reason));
  };
  signal.addEventListener('abort', end, { once: true });
  return dispatch(options, {
    ...toPassing(handler),
    onRequestStart(controller, context) {
      signal.removeEventListener('abort', end);
      if (isEnded) controller.abort(toError(signal.reason));
      else handler.onRequestStart?.(controller, context);
    },
    onResponseError(controller, error) {
      signal.removeEventListener('abort', end);
      if (!isEnded) handler.onResponseError?.(controller, error);
    },
  });
};

/** An error says which proxy it came through: what failed may be the way, not the target. */
function toNaming(handler: Dispatcher.DispatchHandler, proxy: string): Dispatcher.DispatchHandler {
  return {
    ...toPassing(handler),
    onResponseError: (controller, error) =>
      handler.onResponseError?.(controller, Object.assign(error, { proxy: new URL(proxy).host })),
  };
}

/** A handler that passes everything on, to replace a part of. */
export function toPassing(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (...given) => handler.onRequestStart?.(...given),
    onRequestUpgrade: (...given) => handler.onRequestUpgrade?.(...given),
    onResponseStart: (...given) => handler.onResponseStart?.(...given),
    onResponseData: (...given) => handler.onResponseData?.(...given),
    onResponseEnd: (...given) => handler.onResponseEnd?.(...given),
    onResponseError: (...given) => handler.onResponseError?.(...given),
  };
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
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
