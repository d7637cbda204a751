/**
 * Which machines a step may reach. A workflow's URLs come from templates, captured pages and model answers, so by default
 * they reach public addresses only.
 *
 * Guarantees:
 *   TG1  every address a name resolves to is checked, and only an address that was checked is returned to be connected to;
 *   TG2  what is not a public unicast address is refused unless HTTP_ALLOW_HOSTS names the host (or host:port);
 *   TG3  the engine's own port on this machine is refused whatever HTTP_ALLOW_HOSTS says.
 */
import { lookup as lookupByCallback } from 'node:dns';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import ipaddr from 'ipaddr.js';
import { type NetworkRules, TaskFailure } from '../../contract/task.ts';

export interface Address {
  readonly address: string;
  readonly family: number;
}

export type Lookup = (hostname: string) => Promise<Address[]>;

const lookupAll = promisify(lookupByCallback);
const systemLookup: Lookup = (hostname) => lookupAll(hostname, { all: true, verbatim: true });

/** Resolves `hostname` (a name or an IP literal, with or without brackets) and checks all it stands for. */
export async function resolveTarget(
  hostname: string,
  port: number,
  rules: NetworkRules,
  lookup: Lookup = systemLookup,
): Promise<Address[]> {
  const host = toBareHost(hostname);
  const addresses = ipaddr.isValid(host) ? [toAddress(host)] : await lookup(host);
  const allowed = isAllowed(host, port, rules.allowHosts);
  for (const { address } of addresses) {
    const parsed = ipaddr.process(address);
    if (port === rules.ownPort && isThisMachine(parsed)) {
      throw refusal(host, port, `${address} with port ${port} is this engine itself, which steps may not call`);
    }
    const special = nameSpecialRange(ipaddr.parse(address));
    if (special !== null && !allowed) {
      throw refusal(
        host,
        port,
        `${address} is not a public address (${special}); to allow it, add ${toEntry(host, port)} to HTTP_ALLOW_HOSTS`,
      );
    }
  }
  return addresses;
}

export function portOf(url: URL): number {
  return Number(url.port || (url.protocol === 'https:' ? 443 : 80));
}

/** True when HTTP_ALLOW_HOSTS names the host of the address. */
export function isAllowedHost(url: URL, { allowHosts }: NetworkRules): boolean {
  return isAllowed(toBareHost(url.hostname), portOf(url), allowHosts);
}

/** Refuses what can be refused by the URL alone. */
export function checkUrl(url: URL): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TaskFailure('TARGET_REFUSED', `only http: and https: addresses can be requested, not ${url.protocol}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new TaskFailure('TARGET_REFUSED', `the address of ${url.host} holds credentials; send them in a header`);
  }
}

function refusal(host: string, port: number, why: string): TaskFailure {
  return new TaskFailure('TARGET_REFUSED', `${toEntry(host, port)} is refused: ${why}`);
}

function toEntry(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Without brackets and without the dot that marks a name as complete. */
function toBareHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

function toAddress(address: string): Address {
  return { address, family: ipaddr.parse(address).kind() === 'ipv4' ? 4 : 6 };
}

/** An entry without a port allows every port. */
function isAllowed(host: string, port: number, allowHosts: readonly string[]): boolean {
  return allowHosts.some((entry) => {
    const [, name = '', entryPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry.trim()) ?? [];
    return entryPort === undefined
      ? toBareHost(entry.trim()) === host
      : toBareHost(name) === host && Number(entryPort) === port;
  });
}

type Ip = ReturnType<typeof ipaddr.parse>;

const globalUnicast6 = ipaddr.parseCIDR('2000::/3');
/** Azure's metadata and DNS service lives at a public-looking address. */
const azureMetadata = '168.63.129.16';

/** null for a public unicast address. Mapped and translated forms of IPv4 addresses are special, whatever they map to. */
function nameSpecialRange(ip: Ip): string | null {
  const range = ip.range();
  if (range !== 'unicast') return range;
  if (ip.toString() === azureMetadata) return 'metadata service';
  if (ip.kind() === 'ipv6' && !ip.match(globalUnicast6)) return 'not global unicast';
  return null;
}

function isThisMachine(ip: Ip): boolean {
  if (ip.range() === 'loopback' || ip.range() === 'unspecified') return true;
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return own.some(({ address }) => ipaddr.process(address).toString() === ip.toString());
}
