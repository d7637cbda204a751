/** An answer in the cache of steps: what a completed step has made, and where that was. Params are not in it, only in its key. */
import { z } from 'zod';
import { isoTimeSchema } from './workflow.ts';

const openObject = z.record(z.string(), z.unknown());

const entryHeadSchema = z.object({
  /** Another format is read as no answer. */
  format: z.literal(1),
  action: z.string(),
  /** Whose result it is. */
  from: z.object({ workflow: z.string(), step: z.string(), at: isoTimeSchema }),
  metadata: openObject.nullable(),
  metrics: openObject.nullable(),
});

export type CacheEntry = z.infer<typeof entryHeadSchema> & {
  /** The outputs object as compact JSON text. */
  outputsJson: string;
};

const beforeOutputs = ',"outputs":';

export function toEntryJson({ outputsJson, ...head }: CacheEntry): string {
  return `${JSON.stringify(head).slice(0, -1)}${beforeOutputs}${outputsJson}}`;
}

/** Reads what `toEntryJson` wrote; null for anything else, as another version of the engine may have left it. */
export function readEntryJson(json: string): CacheEntry | null {
  // The same characters may stand deeper, as in metadata: the text before them closes as a whole only at the field itself.
  for (let at = json.indexOf(beforeOutputs); at !== -1; at = json.indexOf(beforeOutputs, at + 1)) {
    const head = entryHeadSchema.safeParse(parse(`${json.slice(0, at)}}`));
    if (head.success) return { ...head.data, outputsJson: json.slice(at + beforeOutputs.length, -1) };
  }
  return null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
