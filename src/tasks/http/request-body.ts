/**
 * The body of a request, in the form that its content type names. A value is never sent as JSON under another name.
 *
 *   text                             as it is, under any type
 *   JSON type, or none               JSON
 *   application/x-www-form-urlencoded  a form; a list repeats its name
 *   multipart/form-data              a form; a part may be a file: {base64 or content, filename?, type?}
 *   any other type                   a fault
 */
import type { FieldError } from '../../contract/failures.ts';
import type { Json } from '../../contract/json.ts';
import { isJsonType, readMediaType } from './media-type.ts';

export interface RequestBody {
  readonly bytes: string | Uint8Array;
  readonly contentType: string;
}

const formType = 'application/x-www-form-urlencoded';
const multipartType = 'multipart/form-data';

/** Text that is base64, also without its padding or in the alphabet for addresses. */
export const base64Pattern = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Also that no character is left over, whose bits would be lost. */
export function isBase64(text: string): boolean {
  return base64Pattern.test(text) && !/^=/.test(text) && text.replace(/={1,2}$/, '').length % 4 !== 1;
}

/** Why this body cannot be sent under this type; paths begin with `body`. */
export function findBodyFaults(body: Json, contentType: string | undefined): FieldError[] {
  const essence = toEssence(contentType);
  if (typeof body === 'string') {
    const needsBoundary = essence?.startsWith('multipart/') && !/;\s*boundary=/i.test(contentType ?? '');
    return needsBoundary
      ? [
          {
            path: 'body',
            message: `is text, so its content type must name a boundary; or write ${multipartType} and give the fields as an object`,
          },
        ]
      : [];
  }
  if (essence === undefined || isJsonType(essence)) return [];
  if (essence === formType) return findFormFaults(body, essence, isFormValue);
  if (essence === multipartType) return findFormFaults(body, essence, (value) => isFormValue(value) || isFile(value));
  const message = `cannot be written as ${essence}: give it as text, or send it as JSON, ${formType} or ${multipartType}`;
  return [{ path: 'body', message }];
}

/** The body as it is sent, for a body without faults. */
export async function toRequestBody(body: Json, contentType: string | undefined): Promise<RequestBody> {
  if (typeof body === 'string') return { bytes: body, contentType: contentType ?? 'text/plain; charset=utf-8' };
  const essence = toEssence(contentType);
  if (essence === formType) {
    return { bytes: new URLSearchParams(toPairs(body)).toString(), contentType: contentType ?? formType };
  }
  if (essence === multipartType) return await toMultipart(body);
  return { bytes: JSON.stringify(body), contentType: contentType ?? 'application/json' };
}

/** A type that cannot be read is shown as it is in the fault. */
function toEssence(contentType: string | undefined): string | undefined {
  if (contentType === undefined) return undefined;
  return readMediaType(contentType).essence ?? `"${contentType.slice(0, 100)}"`;
}

function findFormFaults(body: Json, essence: string, isValue: (value: Json) => boolean): FieldError[] {
  if (!isObject(body))
    return [{ path: 'body', message: `must be an object of fields, or text, to be sent as ${essence}` }];
  const kinds =
    essence === multipartType
      ? 'text, number, true or false, a file {base64, filename, type}'
      : 'text, number, true or false';
  return Object.entries(body)
    .filter(([, value]) => ![value].flat().every((item) => isValue(item as Json)))
    .map(([name]) => ({
      path: `body.${name}`,
      message: `must be ${kinds}, or a list of these, to be sent as ${essence}`,
    }));
}

function isFormValue(value: Json): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

interface FilePart {
  base64?: string;
  content?: string;
  filename?: string;
  type?: string;
}

function isFile(value: Json): boolean {
  if (!isObject(value)) return false;
  const { base64, content, filename, type, ...rest } = value;
  const texts = [base64, content, filename, type].filter((text) => text !== undefined);
  return (
    Object.keys(rest).length === 0 &&
    texts.every((text) => typeof text === 'string') &&
    (base64 === undefined) !== (content === undefined) &&
    (typeof base64 !== 'string' || isBase64(base64))
  );
}

function toPairs(body: Json): [string, string][] {
  return Object.entries(body as Record<string, Json>).flatMap(([name, value]) =>
    [value].flat().map((item): [string, string] => [name, String(item)]),
  );
}

/** The platform writes the parts and chooses the boundary. */
async function toMultipart(body: Json): Promise<RequestBody> {
  const form = new FormData();
  for (const [name, value] of Object.entries(body as Record<string, Json>)) {
    for (const item of [value].flat()) {
      if (!isObject(item as Json)) form.append(name, String(item));
      else form.append(name, ...toFile(item as FilePart));
    }
  }
  const written = new Response(form);
  return {
    bytes: new Uint8Array(await written.arrayBuffer()),
    contentType: written.headers.get('content-type') ?? multipartType,
  };
}

function toFile({ base64, content = '', filename = 'file', type }: FilePart): [Blob, string] {
  const bytes = base64 === undefined ? Buffer.from(content) : Buffer.from(base64, 'base64');
  return [
    new Blob([bytes], { type: type ?? (base64 === undefined ? 'text/plain' : 'application/octet-stream') }),
    filename,
  ];
}

function isObject(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
