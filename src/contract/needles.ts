/**
 * Whether any of many texts stands in a long one, in one pass. A search for each would hold up a thread for a second: fifty
 * secrets have three hundred forms, and an answer has up to 16 Mi characters.
 */

/** A hash of the last four characters: older ones are shifted out. */
const hashMask = 0xffff;
const hashShift = 4;
const hashed = 4;
/** So few are found faster one by one. */
const fewMax = 20;

export interface Needles {
  isIn(text: string): boolean;
}

/** `needles` have at least four characters each. */
export function createNeedles(needles: readonly string[]): Needles {
  if (needles.length <= fewMax) return { isIn: (text) => needles.some((needle) => text.includes(needle)) };
  const byHash = new Map<number, string[]>();
  const isHash = new Uint8Array(hashMask + 1);
  for (const needle of needles) {
    let hash = 0;
    for (let i = 0; i < hashed; i += 1) hash = ((hash << hashShift) ^ needle.charCodeAt(i)) & hashMask;
    byHash.set(hash, [...(byHash.get(hash) ?? []), needle]);
    isHash[hash] = 1;
  }
  return {
    isIn(text) {
      let hash = 0;
      for (let i = 0; i < text.length; i += 1) {
        hash = ((hash << hashShift) ^ text.charCodeAt(i)) & hashMask;
        if (isHash[hash] === 1 && byHash.get(hash)?.some((needle) => text.startsWith(needle, i - hashed + 1)))
          return true;
      }
      return false;
    },
  };
}
