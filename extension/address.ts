/** The address of an engine: as a person types it, and as a browser asks for the right to call it. */

/** The origin that a person has typed, as in `127.0.0.1:8001`; null for what is no address of an engine. */
export function readAddress(typed: string): string | null {
  const text = typed.trim();
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(address)) return null;
  const { protocol, origin, username, password, pathname, search, hash } = new URL(address);
  const isBare = username === '' && password === '' && pathname === '/' && search === '' && hash === '';
  return isBare && (protocol === 'http:' || protocol === 'https:') ? origin : null;
}

/** Patterns of Firefox name no port: one counts for all ports of its host. */
export function toPattern(origin: string, withPort: boolean = PATTERNS_HAVE_PORTS): string {
  const { protocol, hostname, host } = new URL(origin);
  return `${protocol}//${withPort ? host : hostname}/*`;
}
