/** KEEP_FINISHED: which finished workflows stay. `14d` keeps what finished in that time, `1000` so many of the latest. */
import { z } from 'zod';

export const keepFinishedSchema = z.union([
  z.strictObject({ ageMs: z.int().min(1) }),
  z.strictObject({ count: z.int().min(0) }),
]);
export type KeepFinished = z.infer<typeof keepFinishedSchema>;

/** Ends the sentence "it must be …". */
export const keepFinishedAllowed = 'an age such as 14d, 36h or 90m, or a count such as 1000';

const msOf: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** null when the text is neither an age nor a count. */
export function parseKeepFinished(text: string): KeepFinished | null {
  const parts = /^(\d{1,9})([mhd]?)$/.exec(text);
  if (parts === null) return null;
  const [, digits = '', unit = ''] = parts;
  const number = Number(digits);
  if (unit === '') return { count: number };
  // An age of nothing would remove every workflow the moment it finishes: `0` says that as a count.
  return number === 0 ? null : { ageMs: number * (msOf[unit] ?? 0) };
}
