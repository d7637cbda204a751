/**
 * What a step says besides its action: whether it runs (`when`, `join`), what its failure means (`tolerate`), and how
 * often it runs (`forEach`, `repeat`). Shapes only; what needs the whole definition is checked by `core/validate.ts`.
 */
import { z } from 'zod';
import { limits } from './limits.ts';

/** How the ends of a step's dependencies decide whether it runs: table J in docs/workflows.md. */
export const joinSchema = z.enum(['all', 'any', 'ended', 'failed']).meta({
  description: 'all (default): each has run; any: one has run; ended: however they ended; failed: one failed',
});
export type Join = z.infer<typeof joinSchema>;

export const tolerateSchema = z
  .union(
    [
      z.literal(true),
      z.int().min(1).max(limits.stepsMax),
      z.string().regex(/^(100|[1-9]?\d)%$/, 'a share is written as in "10%"'),
    ],
    'expected true, a number of items, or a share of them as in "10%"',
  )
  .meta({ description: 'failures that do not fail the workflow; with forEach: of how many items' });
export type Tolerate = z.infer<typeof tolerateSchema>;

/** Names with a meaning of their own in references and conditions. */
const reservedNames = new Set([
  ...['params', 'steps', 'index', 'round', 'previous', 'workflow', 'slot', 'secrets', 'arguments'],
  // Of CEL: literals, reserved words, and the names of its types.
  ...['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import'],
  ...['let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while'],
  ...['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'type', 'dyn', 'timestamp', 'duration'],
  ...['null_type', 'optional'],
]);

export function isReservedName(name: string): boolean {
  return reservedNames.has(name);
}

const itemNameSchema = z
  .string()
  .regex(/^[a-z][A-Za-z0-9_]{0,31}$/, 'the name of an item is a small letter and up to 31 letters, digits or "_"')
  .refine((name) => !isReservedName(name), 'this name has a meaning of its own; choose another');

const listSchema = z.union([z.string(), z.array(z.unknown())], 'expected a list, or a reference to one');
export const forEachSchema = z
  .union([
    z.string(),
    z.array(z.unknown()),
    z
      .record(itemNameSchema, listSchema)
      .refine((lists) => Object.keys(lists).length > 0, 'name a list, as in {url: "{{params.urls}}"}')
      .refine((lists) => Object.keys(lists).length <= limits.itemNamesMax, `at most ${limits.itemNamesMax} lists`),
  ])
  .meta({
    description: 'a list, or lists by the name of their items: every combination, the last name changing fastest',
  });
export type ForEach = z.infer<typeof forEachSchema>;

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationPattern = /^(\d{1,12})(ms|s|m|h|d)$/;

/** A duration as text, such as `90s`, in milliseconds; null when it is none, or longer than `limits.durationMsMax`. */
export function readDuration(text: string): number | null {
  const [, digits, unit] = durationPattern.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return null;
  const ms = Number(digits) * unitMs[unit as keyof typeof unitMs];
  return ms <= limits.durationMsMax ? ms : null;
}

export const durationSchema = z
  .string()
  .refine((text) => readDuration(text) !== null, 'expected a duration as in 500ms, 30s, 5m, 2h or 3d, at most 366d')
  .meta({ description: 'as in `500ms`, `30s`, `5m`, `2h`, `3d`; at most `366d`' });

export const conditionSchema = z.string().min(1).max(limits.conditionLengthMax);

export const repeatSchema = z
  .strictObject({
    until: conditionSchema.meta({ description: 'CEL, asked after each round: true ends the loop' }),
    max: z.int().min(1).max(limits.roundsMax),
    every: durationSchema.optional().meta({ description: 'the wait between two rounds' }),
    otherwise: z
      .enum(['fail', 'continue'])
      .optional()
      .meta({ description: 'after `max` rounds without `until`: fail (default), or go on with `done: false`' }),
  })
  .meta({ id: 'Repeat' });
export type Repeat = z.infer<typeof repeatSchema>;

/** Which item of which step a step was made for. */
export const ofSchema = z.object({ step: z.string(), index: z.int().min(0).max(limits.stepsMax) });
export type Of = Readonly<z.infer<typeof ofSchema>>;

export const outcomeSchema = z.enum(['skipped', 'tolerated']);
export type StepOutcome = z.infer<typeof outcomeSchema>;
