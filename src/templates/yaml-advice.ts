/**
 * What the author of a YAML file can do about a fault that the parser names in a programmer's words. The parser's words
 * stay behind the advice, in brackets.
 */
import { type Document, isMap, visit, type YAMLError } from 'yaml';

const advice: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces: YAML takes no tabs',
  BAD_INDENT: 'the lines of one list or mapping begin in the same column, and what belongs to a line is indented more',
  DUPLICATE_KEY: 'this key is there before; keep one of them',
  MISSING_CHAR: 'a quote or a bracket is not closed, or a comma or ": " is missing',
  MULTILINE_IMPLICIT_KEY:
    'a key stands on one line and ends in ": "; put a text of several lines into quotes or a block',
  BLOCK_AS_IMPLICIT_KEY: 'put a text that holds ": " into quotes',
  BLOCK_IN_FLOW: 'inside of [ ] and { } put texts that hold ": " or "- " into quotes',
  BAD_SCALAR_START: 'a text that begins with this character needs quotes',
  BAD_DQ_ESCAPE: 'in double quotes a backslash begins an escape: use single quotes, or write it twice',
  BAD_ALIAS: 'a text that begins with * or & needs quotes',
  UNEXPECTED_TOKEN: 'this cannot stand here: put a text with brackets, commas, "#" or ": " into quotes',
  MULTIPLE_DOCS: 'a file holds one workflow: take out the second "---" and what follows',
  KEY_OVER_1024_CHARS: 'a key is shorter than this; is a quote before it not closed?',
};

const bareBraces = /(?:^|[:,[-]\s+)(\{\{[^{}\n]*\}\}[^\n#]*)/;

/** `text`: the whole file. */
export function explainYaml(error: YAMLError, text: string): string {
  // The parser reports that its own stack ran out as a fault of the text, which it is.
  if (/call stack/.test(error.message)) return 'is nested too deeply';
  const bare = findBareBraces(error.pos[0], text);
  if (bare !== undefined) return toQuoteAdvice(bare);
  const known = toAdvice(error);
  return known === undefined ? error.message : `${known} (${error.message})`;
}

/** Under one code the parser tells of an open quote and of a field that is no longer in line with its list. */
function toAdvice({ code, message }: YAMLError): string | undefined {
  if (/alias/i.test(message)) return advice[code] ?? advice.BAD_ALIAS;
  return message.startsWith('Sequence item without') ? advice.BAD_INDENT : advice[code];
}

/** What the parser threw while it made a value of the document; the offset is where, if that is known. */
export function explainThrown(error: unknown, document: Document | undefined): { message: string; offset?: number } {
  if (error instanceof RangeError) return { message: 'is nested too deeply' };
  const name = /^Unresolved alias.*: (.+)$/.exec(error instanceof Error ? error.message : '')?.[1];
  if (name === undefined || document === undefined) return { message: String(error) };
  let offset: number | undefined;
  visit(document, {
    Alias(_, alias) {
      if (alias.source !== name) return undefined;
      offset = alias.range?.[0];
      return visit.BREAK;
    },
  });
  const message = `${advice.BAD_ALIAS} (there is no anchor &${name} before it)`;
  return offset === undefined ? { message } : { message, offset };
}

/** `{{…}}` that begins a value without quotes, on the line of the fault or on the one before. */
function findBareBraces(offset: number, text: string): string | undefined {
  const end = text.indexOf('\n', offset);
  const lines = text
    .slice(0, end === -1 ? text.length : end)
    .slice(-4_096)
    .split('\n')
    .slice(-2);
  return lines.map((line) => bareBraces.exec(line)?.[1]).findLast((found) => found !== undefined);
}

function toQuoteAdvice(written: string): string {
  const shown = written.trim().slice(0, 80);
  return `{{…}} needs quotes at the beginning of a value: write '${shown.replaceAll("'", "''")}'`;
}

/** `{{…}}` alone is a mapping inside of a mapping to YAML, and no fault: where such begin, and what to write. */
export function findBareReferences(document: Document, text: string): { offset: number; message: string }[] {
  const found: { offset: number; message: string }[] = [];
  visit(document, {
    Map(_, map) {
      const [start, end] = map.range ?? [0, 0];
      if (!map.flow || !text.startsWith('{{', start) || !map.items.some(({ key }) => isMap(key))) return undefined;
      found.push({ offset: start, message: toQuoteAdvice(text.slice(start, end)) });
      return visit.SKIP;
    },
  });
  return found;
}
