/**
 * The charset that a page names in its `<meta>`: the prescan of the HTML standard, over the first 1,024 bytes. A small
 * one of our own: the package that has it is CommonJS and requires ES modules, which the pool's threads do not allow.
 */

const prescanBytes = 1024;
const comment = /<!--(?:-?>|[\s\S]*?(?:-->|$))/g;
const metaTag = /<meta[\s/]((?:"[^"]*"|'[^']*'|[^>"'])*)/gi;
const attribute = /([^\s"'<>/=]+)\s*(?:=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g;
const charsetInContent = /charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;"']+))/i;

/** The first charset that a `<meta>` names and `toName` knows, by the name that `toName` gives it. */
export function readMetaCharset(bytes: Buffer, toName: (label: string) => string | undefined): string | undefined {
  const head = bytes.subarray(0, prescanBytes).toString('latin1').replace(comment, '');
  for (const [, text = ''] of head.matchAll(metaTag)) {
    const label = readLabel(text);
    const name = label === undefined ? undefined : toName(label);
    if (name !== undefined) return toAsciiCompatible(name);
  }
  return undefined;
}

function readLabel(text: string): string | undefined {
  const attributes = new Map<string, string>();
  for (const [, name = '', double, single, bare] of text.matchAll(attribute)) {
    const key = name.toLowerCase();
    // Of two attributes with one name the first counts.
    if (!attributes.has(key)) attributes.set(key, double ?? single ?? bare ?? '');
  }
  const charset = attributes.get('charset');
  if (charset !== undefined) return charset;
  if (attributes.get('http-equiv')?.trim().toLowerCase() !== 'content-type') return undefined;
  const [, double, single, bare] = charsetInContent.exec(attributes.get('content') ?? '') ?? [];
  return double ?? single ?? bare;
}

/** The charset that an XML declaration names. */
export function readXmlCharset(bytes: Buffer, toName: (label: string) => string | undefined): string | undefined {
  const head = bytes.subarray(0, prescanBytes).toString('latin1');
  const label = /^\s*<\?xml\s[^>]{0,200}?\bencoding\s*=\s*["']([\w.:-]{1,60})["']/.exec(head)?.[1];
  const name = label === undefined ? undefined : toName(label);
  return name === undefined ? undefined : toAsciiCompatible(name);
}

/** What names the charset could be read byte by byte, so it does not stand in UTF-16 (the HTML standard says the same). */
function toAsciiCompatible(name: string): string {
  if (name.toLowerCase().startsWith('utf-16')) return 'UTF-8';
  return name.toLowerCase() === 'x-user-defined' ? 'windows-1252' : name;
}
