/**
 * Persons of a feed that no person wrote. feedsmith takes the brackets of a name apart in time that grows with the square
 * of their number: 66 s for 200,000. Nobody asked for persons here, so those with more brackets than a name has are
 * emptied before it reads the feed.
 */

/** Openers of brackets, as they are written or as an entity. */
const openers = /[([<&]/g;
const openersMax = 100;

/** What the elements are in: sections and comments hold no elements. */
const tokens = /<!--|<!\[CDATA\[|<(\/?)(?:[^\s<>/:]{1,100}:)?(author|managingeditor|webmaster)(?=[\s/>])/gi;

export function dropLongPersons(feed: string): string {
  const cuts: { from: number; to: number }[] = [];
  let start: number | null = null;
  tokens.lastIndex = 0;
  for (let token = tokens.exec(feed); token !== null; token = tokens.exec(feed)) {
    const [text, slash, name] = token;
    if (name === undefined) {
      const end = feed.indexOf(text === '<!--' ? '-->' : ']]>', tokens.lastIndex);
      if (end === -1) break;
      tokens.lastIndex = end;
    } else if (slash === '') {
      start ??= toContent(feed, tokens.lastIndex);
    } else {
      if (start !== null && isLong(feed, start, token.index)) cuts.push({ from: start, to: token.index });
      start = null;
    }
  }
  if (cuts.length === 0) return feed;
  const kept = cuts.map(({ from }, i) => feed.slice(cuts[i - 1]?.to ?? 0, from));
  return kept.join('') + feed.slice(cuts.at(-1)?.to);
}

/** Behind the start tag; null where the element is empty. */
function toContent(feed: string, at: number): number | null {
  const end = feed.indexOf('>', at);
  return end === -1 || feed[end - 1] === '/' ? null : end + 1;
}

function isLong(feed: string, from: number, to: number): boolean {
  if (to - from <= openersMax) return false;
  return (feed.slice(from, to).match(openers)?.length ?? 0) > openersMax;
}
