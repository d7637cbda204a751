/**
 * Formulas that stand in a text between delimiters: `\(…\)`, `\[…\]`, `$$…$$`, and `$…$` on one line where a page says
 * that it has those. Found in one pass: a delimiter that is never closed is looked for once, not from each place anew.
 */
export type Form = 'inline' | 'display';

export interface WrittenFormula {
  readonly start: number;
  readonly end: number;
  readonly tex: string;
  readonly form: Form;
}

interface Delimiter {
  readonly open: string;
  readonly close: string;
  readonly form: Form;
}

const delimiters: readonly Delimiter[] = [
  { open: '\\(', close: '\\)', form: 'inline' },
  { open: '\\[', close: '\\]', form: 'display' },
  { open: '$$', close: '$$', form: 'display' },
];

/** `single`: `$…$` counts too. Formulas hold at least one character, and do not overlap. */
export function* findWritten(text: string, single: boolean): Generator<WrittenFormula> {
  const ends = new Map(delimiters.map(({ close }) => [close, new Ends(text, close)]));
  const dollars = new Ends(text, '$');
  const opening = /[\\$]/g;
  for (let found = opening.exec(text); found !== null; found = opening.exec(text)) {
    const start = found.index;
    const delimiter = delimiters.find(({ open }) => text.startsWith(open, start));
    const formula =
      delimiter === undefined
        ? readSingle(text, start, single ? dollars : undefined)
        : readBetween(text, start, delimiter, ends.get(delimiter.close)?.after(start + 3) ?? -1);
    if (formula === undefined) continue;
    yield formula;
    opening.lastIndex = formula.end;
  }
}

function readBetween(text: string, start: number, { close, form }: Delimiter, at: number): WrittenFormula | undefined {
  if (at === -1) return undefined;
  return { start, end: at + close.length, tex: text.slice(start + 2, at), form };
}

/** As pages with prices need it: no space within the dollars, none of them escaped, no digit behind. */
function readSingle(text: string, start: number, dollars: Ends | undefined): WrittenFormula | undefined {
  if (dollars === undefined || text[start] !== '$' || /[\\$]/.test(text[start - 1] ?? '')) return undefined;
  const at = dollars.after(start + 1);
  if (at === -1 || at === start + 1) return undefined;
  const tex = text.slice(start + 1, at);
  const isFormula = /^\S/.test(tex) && /[^\s\\]$/.test(tex) && !tex.includes('\n') && !/\d/.test(text[at + 1] ?? '');
  return isFormula ? { start, end: at + 1, tex, form: 'inline' } : undefined;
}

/** Where a text holds a closing delimiter; asked for places that only grow. */
class Ends {
  readonly #text: string;
  readonly #close: string;
  #next = 0;

  constructor(text: string, close: string) {
    this.#text = text;
    this.#close = close;
  }

  /** The first at or after this place; -1 where there is none. */
  after(from: number): number {
    if (this.#next !== -1 && this.#next < from) this.#next = this.#text.indexOf(this.#close, from);
    return this.#next;
  }
}
