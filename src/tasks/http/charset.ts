/**
 * Text from the bytes of an answer, and whether they are text at all.
 *
 * Rules, numbered for tests:
 *   CS1  the charset is that of the byte order mark, else of the header, else of the page's `<meta>` or the XML
 *        declaration, as in the HTML standard; else UTF-8 if the bytes fit it, and windows-1252 if they do not;
 *   CS2  bytes that are no text (PDF, images, archives) are not decoded, whatever the header says of them;
 *   CS3  every guess and every character that could not be read is told in a note.
 *
 * Node's own TextDecoder reads 0x80 to 0x9F of windows-1252 as control characters in several releases, so the decoders
 * are those of `@exodus/bytes`.
 */
import { isUtf8 } from 'node:buffer';
import { isHtmlType, isTextType, isXmlType, type MediaType } from './media-type.ts';
import { readMetaCharset, readXmlCharset } from './meta-charset.ts';

export type DecodedText =
  | { readonly kind: 'text'; readonly text: string; readonly notes: readonly string[] }
  /** CS2. */
  | { readonly kind: 'bytes' };

export async function decodeText(bytes: Buffer, type: MediaType): Promise<DecodedText> {
  if (bytes.length === 0) return { kind: 'text', text: '', notes: [] };
  const encodings = await import('@exodus/bytes/encoding.js');
  const { essence } = type;
  const notes: string[] = [];
  /** The name of a charset that can be decoded. */
  const toName = (label: string | undefined): string | undefined => {
    const name = label === undefined ? null : encodings.labelToName(label);
    return name === null || name === 'replacement' ? undefined : name;
  };
  const mark = toName(encodings.getBOMEncoding(bytes) ?? undefined);
  const named = mark ?? toName(type.charset);
  const found = named ?? toName(unmarkedUtf16(bytes)) ?? readDeclared(bytes, essence, toName);
  if (mark === undefined && !looksLikeText(bytes, type, found)) return { kind: 'bytes' };
  if (type.charset !== undefined && toName(type.charset) === undefined) {
    notes.push(`The answer names the charset "${type.charset}", which is not known`);
  }
  const isWholeUtf8 = isUtf8(bytes);
  if (found === undefined && !isWholeUtf8) {
    notes.push('The answer names no charset that is known, and is not UTF-8: it was read as windows-1252');
  }
  const name = found ?? (isWholeUtf8 ? 'UTF-8' : 'windows-1252');
  const text = new encodings.TextDecoder(name).decode(bytes);
  if (!isWholeUtf8 && text.includes('\ufffd')) {
    notes.push(`The answer says that it is ${name} and is not everywhere: what could not be read became U+FFFD`);
  }
  return { kind: 'text', text, notes };
}

/** False for what CS2 takes out. `charset` is the one that was found, if any. */
function looksLikeText(bytes: Buffer, { essence, charset: label }: MediaType, charset: string | undefined): boolean {
  // A PDF may hold nothing but ASCII.
  if (bytes.subarray(0, 5).toString('latin1') === '%PDF-') return false;
  const isText = essence !== undefined && isTextType(essence);
  if ((isText || essence === undefined) && charset?.startsWith('UTF-16')) return true;
  // Servers call an image "text/html; charset=iso-8859-1" too. No charset but UTF-16 has zero bytes.
  if (isText) return isUtf8(bytes) || !bytes.includes(0);
  return !hasBinaryByte(bytes) && (isUtf8(bytes) || essence === undefined || label !== undefined);
}

/** A byte that occurs in no text (WHATWG MIME Sniffing, "binary data byte"): anywhere a zero, others at the beginning. */
function hasBinaryByte(bytes: Buffer): boolean {
  if (bytes.includes(0)) return true;
  return bytes
    .subarray(0, 64 * 1024)
    .some((byte) => byte < 0x20 && (byte <= 0x08 || byte === 0x0b || (byte >= 0x0e && byte !== 0x1b)));
}

/** UTF-16 without its mark, told by two ASCII characters at the beginning (as XML and RFC 4627 do). */
function unmarkedUtf16(bytes: Buffer): string | undefined {
  if (bytes.length < 4 || bytes.length % 2 !== 0) return undefined;
  const isAscii = (at: number) => (bytes[at] ?? 0) >= 0x09 && (bytes[at] ?? 0) < 0x80;
  if (isAscii(0) && bytes[1] === 0 && isAscii(2) && bytes[3] === 0) return 'utf-16le';
  if (bytes[0] === 0 && isAscii(1) && bytes[2] === 0 && isAscii(3)) return 'utf-16be';
  return undefined;
}

type ToName = (label: string) => string | undefined;

/** What the body itself says of its charset. */
function readDeclared(bytes: Buffer, essence: string | undefined, toName: ToName): string | undefined {
  // Without a type, a page or a document begins with "<".
  const isUnknown = essence === undefined && /^\s*</.test(bytes.subarray(0, 256).toString('latin1'));
  const isHtml = isUnknown || (essence !== undefined && isHtmlType(essence));
  if (!isHtml && !(essence !== undefined && isXmlType(essence))) return undefined;
  return (isHtml ? readMetaCharset(bytes, toName) : undefined) ?? readXmlCharset(bytes, toName);
}
