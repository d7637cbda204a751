/** The forms in which a secret comes back from other machines: as it is, and as programs write it into other texts. */
import { encodeSecret } from '../contract/secret-store.ts';
import { secretLengthMin } from '../contract/secret-values.ts';

/** Each form once, of the value and of its parts. */
export function toSecretForms(value: string): string[] {
  return [...new Set([value, ...toParts(value)].flatMap(toForms))];
}

/** A scheme of HTTP's Authorization header, and what it carries. */
const scheme = /^(?:Basic|Bearer|Token|Digest|ApiKey|Negotiate)[ ]+(\S+)$/i;
/** `session=…`, or several as a Cookie header has them. */
const cookies = /^[\w!#$%&'*+.^`|~-]{1,128}=[^;]*(?:;[ ]*[\w!#$%&'*+.^`|~-]{1,128}=[^;]*)*;?$/;

/**
 * What programs take out of a header before they show it: the token of `Bearer …`, the user and password of Basic, the
 * value of each cookie. Shorter than a secret has to be, they stand in ordinary words and are no parts.
 */
function toParts(value: string): string[] {
  const parts: string[] = [];
  const carried = scheme.exec(value)?.[1];
  if (carried !== undefined) parts.push(carried);
  const decoded = Buffer.from(carried ?? '', 'base64').toString();
  const credentials = /^Basic/i.test(value) && /^[\x20-\x7e\u00a0-\uffff]+$/.test(decoded) ? decoded : value;
  if (credentials !== value) parts.push(credentials);
  const colon = credentials.indexOf(':');
  if (colon !== -1 && !/\s|^[a-z][a-z\d+.-]*:\/\//i.test(credentials)) parts.push(credentials.slice(colon + 1));
  if (cookies.test(value)) {
    for (const pair of value.split(';'))
      parts.push(
        pair
          .slice(pair.indexOf('=') + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      );
  }
  return parts.filter((part) => part.length >= secretLengthMin);
}

/** Each is also there as it stands inside of JSON text, where it differs. */
function toForms(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const texts = [
    value,
    // As forms send it.
    value.replace(/\r?\n/g, '\r\n'),
    ...toPercentForms(value),
    json,
    // As PHP, Python and Go write it.
    json.replaceAll('/', '\\/'),
    json.replace(/[\u0080-\uffff]/g, toJsonEscape),
    json.replace(/[<>&]/g, toJsonEscape),
    toCookieValue(value),
  ];
  const forms = [
    ...texts,
    ...[...new Set(texts)].flatMap((text) => toBase64Forms(Buffer.from(text))),
    ...toHtmlForms(value),
    Buffer.from(value).toString('hex'),
    Buffer.from(value).toString('hex').toUpperCase(),
  ];
  return [...forms, ...forms.map((form) => JSON.stringify(form).slice(1, -1))];
}

function toJsonEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** As Python's cookies hold it: `"` and `\` behind a backslash, other characters that no cookie may hold in octal. */
function toCookieValue(value: string): string {
  return value.replace(/[^\w!#$%&'*+.^`|~: ()/<=>?@[\]{}-]/g, (found) => {
    if (found === '"' || found === '\\') return `\\${found}`;
    const code = found.charCodeAt(0);
    return code > 0xff ? found : `\\${code.toString(8).padStart(3, '0')}`;
  });
}

function toPercentForms(value: string): string[] {
  // Half a surrogate pair has no bytes.
  const text = Buffer.from(value).toString();
  const component = encodeURIComponent(text);
  const strict = component.replace(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`);
  const form = new URLSearchParams([['', text]]).toString().slice(1);
  const path = encodeSecret(text, 'path');
  // An address inside of an address is encoded twice.
  const twice = [component, path].map(encodeURIComponent);
  const forms = [component, strict, strict.replaceAll('%2F', '/'), form, path, encodeURI(text), ...twice];
  return [...forms, ...forms.map((each) => each.replace(/%[0-9A-F]{2}/g, (found) => found.toLowerCase()))];
}

/**
 * As a whole, and what is the same wherever the value stands in a longer text, such as `user:value` of Basic. Of that, up to
 * six bits at either end hang on what stands beside it.
 */
function toBase64Forms(bytes: Buffer): string[] {
  return (['base64', 'base64url'] as const).flatMap((alphabet) => [
    bytes.toString(alphabet),
    ...[0, 1, 2].map((before) => {
      const text = Buffer.concat([Buffer.alloc(before), bytes]).toString(alphabet);
      return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    }),
  ]);
}

function toHtmlForms(value: string): string[] {
  const named = value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
  return [named, named.replaceAll("'", '&#39;'), named.replaceAll("'", '&#x27;')];
}
