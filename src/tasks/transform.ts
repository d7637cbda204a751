/**
 * `transform`: reshapes data with a JSONata expression. An expression can loop, and its regular expressions can
 * backtrack for ever; the CPU lane ends the thread at the deadline. References in the expression are bound as data
 * (`code/jsonata-code.ts`).
 */
import { z } from 'zod';
import type { CodePieces } from '../contract/code-text.ts';
import { type IsolatedTask, TaskFailure } from '../contract/task.ts';
import { bindJsonata } from './code/jsonata-code.ts';
import { Marks } from './code/marks.ts';

const params = z.strictObject({
  input: z.unknown().meta({ description: 'Any JSON; `$` in the expression.' }),
  expression: z.string().min(1).max(65_536).meta({
    description:
      'JSONata (docs.jsonata.org), at most 65,536 characters. A reference in it is data: nothing in its value is run.',
  }),
});

export const transform: IsolatedTask<z.infer<typeof params>> = {
  action: 'transform',
  lane: 'cpu',
  isolated: true,
  description:
    'Evaluates a JSONata expression on `input`. Returns `value` (null where the expression finds nothing), and `content` when it is a string.',
  params,
  timeoutMs: 60_000,
  code: ['expression'],
  async findFaults({ expression }, code) {
    if (typeof expression !== 'string') return [];
    const source = toSource(expression, code?.expression);
    const jsonata = await loadJsonata();
    try {
      bindJsonata(jsonata(source.code).ast(), source);
      return [];
    } catch (error) {
      return [{ path: 'expression', message: source.show(explain(error)) }];
    }
  },
  async run({ input, expression }, { code }) {
    const text = code?.expression;
    const source = toSource(expression, text);
    const values = text?.values ?? [];
    const jsonata = await loadJsonata();
    const compiled = await attempt('BAD_PARAMS', source, () => {
      const made = jsonata(source.code);
      // The tree is the one that is evaluated.
      bindJsonata(made.ast(), source, values);
      return made;
    });
    const bindings = Object.fromEntries(source.toEntries(values));
    const value: unknown = (await attempt('TASK_ERROR', source, () => compiled.evaluate(input, bindings))) ?? null;
    return { outputs: { value, ...(typeof value === 'string' ? { content: value } : {}) } };
  },
};

function toSource(expression: string, code: CodePieces | undefined): Marks {
  return new Marks(code ?? { strings: [expression], references: [] }, '$');
}

async function loadJsonata() {
  const { default: jsonata } = await import('jsonata');
  return jsonata;
}

async function attempt<T>(code: 'BAD_PARAMS' | 'TASK_ERROR', source: Marks, act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new TaskFailure(code, `expression: ${source.show(explain(error))}`, { cause: error });
  }
}

/** JSONata throws plain objects as well as errors. */
function explain(error: unknown): string {
  const { message = String(error), position } = error as { message?: string; position?: number };
  return position === undefined ? message : `${message} (at character ${position})`;
}
