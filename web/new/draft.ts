/** What a person has typed and not yet run: in the address while it is short, so that a link carries it, else in this tab. */

const hashMax = 2_000;
const prefix = '#draft=';
const stored = '#draft';

/** `place`: what the draft is of. */
export function readDraft<Draft>(place: string): Draft | null {
  try {
    const { hash } = location;
    if (hash.startsWith(prefix)) return JSON.parse(decodeURIComponent(hash.slice(prefix.length))) as Draft;
    const kept = hash === stored ? sessionStorage.getItem(`draft ${place}`) : null;
    return kept === null ? null : (JSON.parse(kept) as Draft);
  } catch {
    // Cut by whoever sent the link, or storage is switched off.
    return null;
  }
}

export function keepDraft(place: string, draft: unknown): void {
  const text = JSON.stringify(draft);
  const inHash = `${prefix}${encodeURIComponent(text)}`;
  try {
    if (inHash.length > hashMax) sessionStorage.setItem(`draft ${place}`, text);
    else sessionStorage.removeItem(`draft ${place}`);
  } catch {
    // It then lives as long as the page.
  }
  history.replaceState(null, '', `${location.pathname}${location.search}${inHash.length > hashMax ? stored : inHash}`);
}

export function dropDraft(place: string): void {
  try {
    sessionStorage.removeItem(`draft ${place}`);
  } catch {
    // There is none.
  }
  history.replaceState(null, '', `${location.pathname}${location.search}`);
}
