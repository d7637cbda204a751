/**
 * The columns of finished runs that were shown last, as text: making those of a large run again takes as long as reading
 * its whole file. A text is of one version and of one state of the file, so that an edit by hand is seen.
 */
import type { WorkflowText } from '../../contract/coordinator.ts';

/** Characters of all texts together; 20,000 steps take about 1.2 million. */
const charactersMax = 8 * 1024 * 1024;

interface KeptText {
  readonly text: WorkflowText;
  /** Of the file, from before it was read. */
  readonly stamp: string;
}

export class GraphTexts {
  /** The one that was shown last comes last. */
  readonly #kept = new Map<string, KeptText>();
  #characters = 0;

  /** null where none of this version and of this file is kept. */
  find(id: string, version: number, stamp: string | null): WorkflowText | null {
    const known = this.#kept.get(id);
    if (known === undefined) return null;
    this.#forget(id);
    if (known.text.version !== version || known.stamp !== stamp) return null;
    this.keep(known.text, stamp);
    return known.text;
  }

  keep(text: WorkflowText, stamp: string): void {
    this.#forget(text.id);
    this.#kept.set(text.id, { text, stamp });
    this.#characters += text.json.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#characters <= charactersMax) break;
      this.#forget(oldest);
    }
  }

  #forget(id: string): void {
    this.#characters -= this.#kept.get(id)?.text.json.length ?? 0;
    this.#kept.delete(id);
  }
}
