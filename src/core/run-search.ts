/**
 * Looks for a text in a run: in names and ids, errors, log lines, and outputs with the place of each hit. Letter case does
 * not count.
 */
import type { SearchHit, SearchPlace } from '../contract/run-view.ts';
import type { WorkflowStep } from '../contract/workflow.ts';

const aroundMax = 60;

export class RunSearch {
  readonly hits: SearchHit[] = [];
  /** There was no room for a further hit. */
  isCut = false;
  readonly #needle: RegExp;
  readonly #places: ReadonlySet<SearchPlace>;
  readonly #limit: number;

  constructor(q: string, places: Iterable<SearchPlace>, limit: number) {
    // Case folding of the engine, so that places are those of the text as it is.
    this.#needle = new RegExp(q.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'giu');
    this.#places = new Set(places);
    this.#limit = limit;
  }

  looksIn(place: SearchPlace): boolean {
    return this.#places.has(place);
  }

  /** All but the outputs. */
  addStep({ id, name, error, logs }: Pick<WorkflowStep, 'id' | 'name' | 'error' | 'logs'>): void {
    if (this.looksIn('names')) {
      this.#add(id, { in: 'names' }, id);
      if (name !== id) this.#add(id, { in: 'names' }, name);
    }
    if (this.looksIn('errors') && error !== null) this.#add(id, { in: 'errors' }, error);
    if (this.looksIn('logs')) for (const [line, text] of logs.entries()) this.#add(id, { in: 'logs', line }, text);
  }

  /** Keys and values, at every depth. */
  addOutputs(id: string, outputs: unknown): void {
    const open: { value: unknown; pointer: string }[] = [{ value: outputs, pointer: '' }];
    for (let next = open.pop(); next !== undefined && !this.isCut; next = open.pop()) {
      const { value, pointer } = next;
      if (typeof value !== 'object' || value === null) {
        this.#add(id, { in: 'outputs', pointer }, typeof value === 'string' ? value : String(value));
        continue;
      }
      const isList = Array.isArray(value);
      const inner = Object.entries(value).map(([key, item]) => ({
        key,
        value: item,
        pointer: `${pointer}/${toPart(key)}`,
      }));
      if (!isList) for (const { key, pointer: at } of inner) this.#add(id, { in: 'outputs', pointer: at }, key);
      // The last one pushed is looked at first.
      for (const each of inner.reverse()) open.push(each);
    }
  }

  #add(step_id: string, where: Pick<SearchHit, 'in' | 'line' | 'pointer'>, text: string): void {
    if (this.isCut) return;
    for (const { index, 0: match } of text.matchAll(this.#needle)) {
      if (this.hits.length >= this.#limit) {
        this.isCut = true;
        return;
      }
      const before = text.slice(Math.max(0, index - aroundMax), index);
      const after = text.slice(index + match.length, index + match.length + aroundMax);
      this.hits.push({ step_id, ...where, before: toWhole(before), match, after: toWhole(after) });
    }
  }
}

/** A cut may have split a character in two: its half becomes the sign for what cannot be shown. */
function toWhole(text: string): string {
  return text.replaceAll(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}

/** A part of a JSON pointer (RFC 6901). */
function toPart(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
