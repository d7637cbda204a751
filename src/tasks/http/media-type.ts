/** What a Content-Type says of a body. */

export interface MediaType {
  /** `text/html`, in lower case; undefined where none is given or it says that it does not know. */
  readonly essence: string | undefined;
  /** The label as it was written, without quotes. */
  readonly charset: string | undefined;
}

/** Servers send these where they do not know the type (WHATWG MIME Sniffing, 7). */
const unknownTypes = new Set(['unknown/unknown', 'application/unknown', '*/*']);

export function readMediaType(contentType: string | undefined): MediaType {
  // A header that was sent twice: the last one counts, as in the Fetch standard.
  const value =
    (contentType ?? '').split(/,(?=[^"]*$|[^"]*"[^"]*"[^"]*$)/).findLast((part) => part.includes('/')) ?? '';
  const essence = /^\s*([^\s;/]{1,100}\/[^\s;]{1,100})\s*(?:;|$)/.exec(value)?.[1]?.toLowerCase();
  const charset = /;\s*charset\s*=\s*["']?([\w.:+-]{1,60})/i.exec(value)?.[1];
  return { essence: essence === undefined || unknownTypes.has(essence) ? undefined : essence, charset };
}

/** `application/json`, `text/json`, `application/vnd.api+json`, `application/x-amz-json-1.1`; not a sequence of texts. */
export function isJsonType(essence: string): boolean {
  return /[/.+-]json(?:[.+-]|$)/.test(essence) && !essence.endsWith('json-seq');
}

export function isXmlType(essence: string): boolean {
  return /(?:[/+])xml$/.test(essence);
}

export function isHtmlType(essence: string): boolean {
  return essence === 'text/html' || essence === 'application/xhtml+xml';
}

/** A type whose bodies are text in some charset. */
export function isTextType(essence: string): boolean {
  return (
    essence.startsWith('text/') ||
    isJsonType(essence) ||
    isXmlType(essence) ||
    /^application\/(?:x-)?(?:javascript|ecmascript|yaml|ndjson|jsonl|www-form-urlencoded)$/.test(essence)
  );
}
