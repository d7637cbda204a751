/** The forms in which a secret comes back from other machines: as it is, and as programs write it into other texts. */
import { encodeSecret } from '../contract/secret-store.ts';

/** Each form once. Each is also there as it stands inside of JSON text, where it differs. */
export function toSecretForms(value: string): string[] {
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
  ];
  const forms = [
    ...texts,
    ...[...new Set(texts)].flatMap((text) => toBase64Forms(Buffer.from(text))),
    ...toHtmlForms(value),
    Buffer.from(value).toString('hex'),
    Buffer.from(value).toString('hex').toUpperCase(),
  ];
  return [...new Set([...forms, ...forms.map((form) => JSON.stringify(form).slice(1, -1))])];
}

function toJsonEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
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
