/**
 * What a step would have done that a dry run left out: `metadata.rehearsal` of its attempt. It crosses from a thread over the
 * disk to the command line, which makes the summary of a dry run of it.
 */
import { z } from 'zod';

/** Names of outputs whose fields depend on an answer that nobody has seen. */
const open = z.array(z.string());

export const rehearsalSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('model_call'),
    provider: z.string(),
    model: z.string(),
    /** Host and port that would be called. */
    address: z.string(),
    /** Reckoned from the length of the request. */
    input_tokens: z.int(),
    /** The most that was asked for, or a guess where nothing was said. */
    output_tokens: z.int(),
    /** US dollars; null when not known. */
    cost: z.number().nullable(),
    /** Why the call would fail as things are, such as a key that is not set. */
    obstacle: z.string().nullable(),
    open,
  }),
  z.object({
    kind: z.literal('request'),
    method: z.string(),
    /** `?…` in place of its query, which may hold a key. */
    url: z.string(),
    open,
  }),
  z.object({ kind: z.literal('wait'), ms: z.number(), open }),
]);
export type Rehearsal = z.infer<typeof rehearsalSchema>;

/** How a text begins that stands in for an answer nobody has seen. It is no feed and no XML. */
export const standInBeginning = 'Dry run: ';

/** Actions that read such a text in vain: what they would make, as far as it is known. */
export const madeUpReadings: Readonly<Record<string, { readonly text: string; readonly outputs: object }>> = {
  feed_parse: {
    text: 'text',
    outputs: {
      title: 'made up',
      items: [
        {
          title: 'made up',
          url: 'https://made-up.invalid/',
          published: '2026-01-31T12:00:00.000Z',
          content: 'made up',
        },
      ],
    },
  },
  xml_parse: { text: 'xml', outputs: { value: {} } },
};

/** The id by which a definition names a step that a group has made: `fetch` for `pages.0.fetch`, `pages` for `pages.0`. */
export function toWrittenId(id: string): string {
  return /^.*\.\d+\.(.+)$/.exec(id)?.[1] ?? id.replace(/\.\d+$/, '');
}

/** Adds `['json', 'items', '0']` as `{json: {items: ['made up']}}`, or with `leaf` at its end. Values that exist stay. */
export function addMadeUpField(outputs: Record<string, unknown>, path: readonly string[], leaf?: unknown): void {
  let at: Record<string, unknown> = outputs;
  for (const [i, key] of path.entries()) {
    const next = path[i + 1];
    if (!Object.hasOwn(at, key)) {
      const made = next === undefined ? (leaf ?? toLeaf(path)) : /^\d{1,4}$/.test(next) ? [] : {};
      // An assignment would set the prototype where the key is `__proto__`.
      Object.defineProperty(at, key, { value: made, enumerable: true, configurable: true, writable: true });
    }
    const inner = at[key];
    if (typeof inner !== 'object' || inner === null) return;
    at = inner as Record<string, unknown>;
  }
}

/** A reference to a whole output gets an object, a reference to a field a text. */
function toLeaf(path: readonly string[]): unknown {
  return path.length === 1 ? {} : 'made up';
}
