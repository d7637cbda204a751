/**
 * `transform`: reshapes data with a JSONata expression. An expression can loop, and its regular expressions can
 * backtrack for ever; the CPU lane ends the thread at the deadline.
 */
import { z } from 'zod';
import { type IsolatedTask, TaskFailure } from '../contract/task.ts';

const params = z.strictObject({
  input: z.unknown().meta({ description: 'Any JSON; `$` in the expression.' }),
  expression: z
    .string()
    .min(1)
    .max(65_536)
    .meta({ description: 'JSONata (docs.jsonata.org), at most 65,536 characters.' }),
});

export const transform: IsolatedTask<z.infer<typeof params>> = {
  action: 'transform',
  lane: 'cpu',
  isolated: true,
  description:
    'Evaluates a JSONata expression on `input`. Returns `value` (null where the expression finds nothing), and `content` when it is a string.',
  params,
  timeoutMs: 60_000,
  async findFaults({ expression }) {
    if (typeof expression !== 'string') return [];
    const jsonata = await loadJsonata();
    try {
      jsonata(expression);
      return [];
    } catch (error) {
      return [{ path: 'expression', message: explain(error) }];
    }
  },
  async run({ input, expression }) {
    const jsonata = await loadJsonata();
    const compiled = await attempt('BAD_PARAMS', () => jsonata(expression));
    const value: unknown = (await attempt('TASK_ERROR', () => compiled.evaluate(input))) ?? null;
    return { outputs: { value, ...(typeof value === 'string' ? { content: value } : {}) } };
  },
};

async function loadJsonata() {
  const { default: jsonata } = await import('jsonata');
  return jsonata;
}

async function attempt<T>(code: 'BAD_PARAMS' | 'TASK_ERROR', act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new TaskFailure(code, `expression: ${explain(error)}`, { cause: error });
  }
}

/** JSONata throws plain objects as well as errors. */
function explain(error: unknown): string {
  const { message = String(error), position } = error as { message?: string; position?: number };
  return position === undefined ? message : `${message} (at character ${position})`;
}
