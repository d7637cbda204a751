/**
 * Whether a text nests too deep, before it is parsed: the parser of YAML keeps all open collections, and some hundred
 * thousand brackets take it more memory than a process has. The lexer keeps nothing.
 */
import { CST, Lexer } from 'yaml';

/** Tokens without a place in the text. */
const marks = new Set(['doc-mode', 'flow-error-end', 'scalar']);

/**
 * Where the first collection begins that is nested deeper than `levels`, in brackets or on one line (`- - -`); undefined:
 * nowhere. Levels of indentation are left to the parser: a text has few of them for its length.
 */
export function findTooDeep(text: string, levels: number): number | undefined {
  let offset = 0;
  let brackets = 0;
  let onLine = 0;
  let isScalar = false;
  for (const token of new Lexer().lex(text)) {
    const type: CST.TokenType | 'text' | null = isScalar ? 'text' : CST.tokenType(token);
    isScalar = type === 'scalar';
    if (type === 'flow-seq-start' || type === 'flow-map-start') brackets += 1;
    else if (type === 'flow-seq-end' || type === 'flow-map-end') brackets -= 1;
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind') onLine += 1;
    else if (type === 'newline') onLine = 0;
    if (brackets > levels || onLine > levels) return offset;
    if (type === null || !marks.has(type)) offset += token.length;
  }
  return undefined;
}
