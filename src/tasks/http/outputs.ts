/**
 * The outputs of `http_request`, from the bytes of an answer.
 *
 *   content  the text; empty where the bytes are no text
 *   json     the value, where the answer is JSON
 *   file     the bytes as base64, where they are no text
 */
import { tellLostNumbers } from '../lost-numbers.ts';
import { decodeText } from './charset.ts';
import { isJsonType, type MediaType, readMediaType } from './media-type.ts';

type Log = (line: string) => void;

interface Content {
  content: string;
  json?: unknown;
  file?: { base64: string; bytes: number; type: string };
}

export async function toContent(bytes: Buffer, contentType: string | undefined, log: Log): Promise<Content> {
  const type = readMediaType(contentType);
  const decoded = await decodeText(bytes, type);
  if (decoded.kind === 'bytes') {
    const file = {
      base64: bytes.toString('base64'),
      bytes: bytes.length,
      type: type.essence ?? 'application/octet-stream',
    };
    log(`The answer is no text (${file.type}, ${file.bytes} bytes): content is empty, and file.base64 holds the bytes`);
    return { content: '', file };
  }
  for (const note of decoded.notes) log(note);
  const json = readJson(decoded.text, type, log);
  return { content: decoded.text, ...(json === undefined ? {} : { json }) };
}

function readJson(content: string, { essence }: MediaType, log: Log): unknown {
  if (content.trim() === '' || (essence !== undefined && !isJsonType(essence))) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(content, /__proto__|\\u/.test(content) ? dropPrototypes : undefined);
  } catch {
    if (essence !== undefined) log('The answer says that it is JSON but is not; only its text is kept');
    return undefined;
  }
  return tellLostNumbers({ text: content, value }, 'json', log);
}

function dropPrototypes(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value;
}
