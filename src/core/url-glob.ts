/**
 * Addresses by a pattern in which `*` stands for any characters, as many as there are.
 *
 * Rules, numbered for tests:
 *   UG1  before the path `*` stays within the host: `https://*.example.org/*` is no address of another site;
 *   UG2  everything else stands for itself; scheme and host in any letter case;
 *   UG3  the time grows with the texts, however many `*` there are.
 */

import { itemAt } from './item-at.ts';

/** `url`: as the sender says it. */
export function matchesUrl(pattern: string, url: string): boolean {
  const wanted = split(pattern);
  const given = split(url);
  if (wanted === null || given === null) return false;
  // UG1: what would end a host stands in no part of it.
  const isHost = matchesGlob(wanted.site.toLowerCase(), given.site.toLowerCase()) && !/[?#@\\]/.test(given.site);
  return isHost && matchesGlob(wanted.path, given.path);
}

/** `https://site` and `/path`; null for what is no address. */
function split(text: string): { site: string; path: string } | null {
  const schemeEnd = text.indexOf('://');
  if (schemeEnd === -1) return null;
  const pathAt = text.indexOf('/', schemeEnd + 3);
  if (pathAt === -1) return { site: text, path: '/' };
  return { site: text.slice(0, pathAt), path: text.slice(pathAt) };
}

/** UG3: each part is looked for once, behind the one before. */
function matchesGlob(pattern: string, text: string): boolean {
  const parts = pattern.split('*');
  const first = itemAt(parts, 0);
  if (parts.length === 1) return text === first;
  const last = itemAt(parts, parts.length - 1);
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
