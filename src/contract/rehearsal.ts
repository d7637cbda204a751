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
    /** Without its query, which may hold a key. */
    url: z.string(),
    open,
  }),
  z.object({ kind: z.literal('wait'), ms: z.number(), open }),
]);
export type Rehearsal = z.infer<typeof rehearsalSchema>;
