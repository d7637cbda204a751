/** Settings that are hosts, origins and addresses. */
import { isIP } from 'node:net';
import { modelServersSetting } from '../contract/model-servers.ts';
import type { ProxyRules } from '../contract/settings.ts';
import { StartError } from '../contract/store.ts';
import { refuse, withoutKeys } from './refusal.ts';

const originSchemes = ['http', 'https', 'chrome-extension', 'moz-extension', 'safari-web-extension'];

export function readHost(value: string): string {
  if (isIP(value) !== 0 || isHostName(value)) return value;
  throw refuse('HOST', value, 'an IP address or a host name to listen on, without a port');
}

export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

export function isHostName(value: string): boolean {
  if (value.length > 253) return false;
  const labels = value.split('.');
  // All digits at the end would be an address that is none: 300.1.1.1, 127.1.
  return labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,62})$/i.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
}

export function readBaseUrl(name: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url && (url.username !== '' || url.password !== '')) {
    throw new StartError(`${name} holds a user name or password: give the address alone and the key in its setting`, 1);
  }
  if (url && url.hash !== '') throw new StartError(`${name} ends in a fragment: give the address without it`, 1);
  // `api-version` may stand there; a key would be shown with the address, so it is not shown here.
  if (url && [...url.searchParams.keys()].some((field) => /key|token|secret|sig|auth|pass|cred/i.test(field))) {
    throw new StartError(`${name} holds a key in its query: put it into ${modelServersSetting}, under this address`, 1);
  }
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw refuse(name, withoutKeys(value), 'an http or https address such as http://localhost:11434/v1');
}

/**
 * The names that other programs use too, in capitals or not; the small ones win, as in curl. An address without a scheme
 * is one of http.
 */
export function readProxies(text: (name: string) => string | undefined): ProxyRules | undefined {
  const read = (name: string): string | undefined => {
    const written = text(name.toLowerCase()) ?? text(name);
    if (written === undefined) return undefined;
    const address = /^[a-z][a-z\d+.-]*:\/\//i.test(written) ? written : `http://${written}`;
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '') return url.href;
    throw refuse(name, withoutKeys(written), 'the http or https address of a proxy, such as http://proxy.example:3128');
  };
  const [http, https] = [read('HTTP_PROXY'), read('HTTPS_PROXY')];
  if (http === undefined && https === undefined) return undefined;
  const noProxy = (text('no_proxy') ?? text('NO_PROXY') ?? '').split(/[,\s]+/).filter((entry) => entry !== '');
  return { ...(http ? { http } : {}), ...(https ? { https } : {}), noProxy };
}

export function readList(
  name: string,
  value: string | undefined,
  toEntry: (entry: string) => string | undefined,
  example: string,
): string[] {
  const entries: string[] = [];
  for (const part of (value ?? '').split(',')) {
    const written = part.trim();
    if (written === '') continue;
    const entry = toEntry(written);
    if (entry === undefined || written.includes('*')) {
      const wildcard = written.includes('*') ? '; * stands for nothing here: name each' : '';
      throw refuse(name, withoutKeys(written), `entries such as ${example}, separated by commas${wildcard}`);
    }
    entries.push(entry);
  }
  return entries;
}

export function toHostAndPort(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`;
}

/** `host` or `host:port`, an IPv6 address in brackets, in the spelling a URL gives it. */
export function toHost(entry: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(entry);
  const name = match?.[1];
  const port = match?.[2];
  if (name === undefined || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))) return undefined;
  const isAddress = name.startsWith('[') ? isIP(name.slice(1, -1)) === 6 : isIP(name) === 4;
  if (!isAddress && !isHostName(name)) return undefined;
  if (!URL.canParse(`http://${name}/`)) return undefined;
  const hostname = new URL(`http://${name}/`).hostname;
  return port === undefined ? hostname : `${hostname}:${Number(port)}`;
}

/** An origin exactly as browsers send it, so that it can be compared as text. */
export function toOrigin(entry: string): string | undefined {
  const match = /^([a-z-]+):\/\/[^/?#@\s]+$/.exec(entry);
  if (match?.[1] === undefined || !originSchemes.includes(match[1]) || !URL.canParse(entry)) return undefined;
  const isWeb = match[1] === 'http' || match[1] === 'https';
  return isWeb && new URL(entry).origin !== entry ? undefined : entry;
}
