/** Comments in what is otherwise JSON: JSON has none, and to YAML they are texts and keys that nobody meant. */

/** Where the first comment begins, if the text is JSON without its comments and without commas at the end of lists. */
export function findJsonComment(text: string): number | undefined {
  const begin = /\S/.exec(text)?.[0];
  if (begin !== '{' && begin !== '[' && begin !== '/') return undefined;
  const pieces: string[] = [];
  let first: number | undefined;
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const end = text[at] === '"' ? toStringEnd(text, at) : toCommentEnd(text, at);
    if (end === undefined) return undefined;
    if (text[at] === '/') {
      first ??= at;
      pieces.push(text.slice(from, at), ' ');
      from = end;
    }
    at = end;
  }
  if (first === undefined) return undefined;
  pieces.push(text.slice(from));
  return isJson(pieces.join('').replace(/,(?=\s*[}\]])/g, '')) ? first : undefined;
}

/** Behind the closing quote; undefined where the line ends before. */
function toStringEnd(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length && text[at] !== '\n'; at += text[at] === '\\' ? 2 : 1) {
    if (text[at] === '"') return at + 1;
  }
  return undefined;
}

/** Behind the comment; behind the character where none begins; undefined for what is no JSON. */
function toCommentEnd(text: string, start: number): number | undefined {
  if (text[start] !== '/') return start + 1;
  const isLine = text[start + 1] === '/';
  if (!isLine && text[start + 1] !== '*') return undefined;
  const end = text.indexOf(isLine ? '\n' : '*/', start + 2);
  if (end === -1) return isLine ? text.length : undefined;
  return isLine ? end : end + 2;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
