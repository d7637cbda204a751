/**
 * Parses a value that a client, a server or a file gives, however many faults it has. zod hands the faults of a list on
 * as arguments of one call, and a call takes some hundred thousand; beyond that it throws, where it should refuse.
 */
import { ZodError, type z } from 'zod';
import { noteKnownFields } from './known-fields.ts';

export type Parsed<Output> =
  | { readonly success: true; readonly data: Output; readonly error?: undefined }
  | { readonly success: false; readonly data?: undefined; readonly error: z.ZodError };

export function parseBounded<Schema extends z.ZodType>(schema: Schema, value: unknown): Parsed<z.output<Schema>> {
  try {
    return schema.safeParse(value, { error: noteKnownFields });
  } catch (error) {
    // Also what is nested so deep that the parser has no room left on the stack.
    if (!(error instanceof RangeError)) throw error;
    const message = 'has more faults than can be listed, or is nested too deep';
    return { success: false, error: new ZodError([{ code: 'custom', path: [], message, input: undefined }]) };
  }
}
