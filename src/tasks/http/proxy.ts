/**
 * Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, read as curl reads them.
 *
 *   PX1  `http:` addresses go through HTTP_PROXY, `https:` addresses through HTTPS_PROXY, and none through the other;
 *   PX2  an entry of NO_PROXY is a host, which stands for its subdomains too (with or without a dot before it), an
 *        address, a range such as 10.0.0.0/8, each with a port or without; `*` is every host.
 */
import ipaddr from 'ipaddr.js';
import type { ProxyRules } from '../../contract/settings.ts';

/** The address of the proxy; undefined for a request that goes directly. */
export function proxyFor(url: URL, proxies: ProxyRules | undefined): string | undefined {
  if (proxies === undefined) return undefined;
  const proxy = url.protocol === 'https:' ? proxies.https : proxies.http;
  if (proxy === undefined) return undefined;
  const host = toBare(url.hostname);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return proxies.noProxy.some((entry) => isCovered(host, port, entry)) ? undefined : proxy;
}

function isCovered(host: string, port: string, entry: string): boolean {
  if (entry === '*') return true;
  // A bare IPv6 address has colons of its own.
  const [, name = '', entryPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [undefined, entry];
  if (entryPort !== undefined && entryPort !== port) return false;
  const wanted = toBare(name).replace(/^\*?\./, '');
  if (ipaddr.isValid(host)) return isSameAddress(host, wanted);
  return wanted !== '' && (host === wanted || host.endsWith(`.${wanted}`));
}

function isSameAddress(host: string, wanted: string): boolean {
  const address = ipaddr.process(host);
  if (ipaddr.isValidCIDR(wanted)) {
    const [network, bits] = ipaddr.parseCIDR(wanted);
    return network.kind() === address.kind() && address.match(network, bits);
  }
  return ipaddr.isValid(wanted) && ipaddr.process(wanted).toString() === address.toString();
}

function toBare(name: string): string {
  return name
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}
