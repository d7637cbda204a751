/**
 * `render`: a text from a Liquid template and data. Templates come from outside: they see own properties of the data and
 * nothing else, no file, and are bounded in time and memory. References in the template are bound as data
 * (`code/liquid-code.ts`).
 */
import { z } from 'zod';
import type { CodePieces, CodeText } from '../contract/code-text.ts';
import { type IsolatedTask, TaskFailure } from '../contract/task.ts';
import { bindLiquid } from './code/liquid-code.ts';
import { Marks } from './code/marks.ts';

const params = z.strictObject({
  template: z.string().max(1_000_000).meta({
    description:
      'Liquid (liquidjs.com), at most 1,000,000 characters. An unknown variable or filter fails the step. A reference in it is data: nothing in its value is run.',
  }),
  data: z
    .record(z.string(), z.unknown())
    .default({})
    .meta({ description: 'What the template can name; {} when not given.' }),
});

export const render: IsolatedTask<z.infer<typeof params>> = {
  action: 'render',
  lane: 'cpu',
  isolated: true,
  description: 'Renders a Liquid template with `data`. The template reads no file and sees nothing but `data`.',
  params,
  timeoutMs: 60_000,
  code: ['template'],
  async findFaults({ template }, code) {
    if (typeof template !== 'string') return [];
    const source = toSource(template, code?.template);
    try {
      bindLiquid((await createLiquid()).parse(source.code), source);
      return [];
    } catch (error) {
      return [{ path: 'template', message: source.show(messageOf(error)) }];
    }
  },
  async run({ template, data }, { code }) {
    const text = code?.template;
    const source = toSource(template, text);
    const values = text?.values ?? [];
    const liquid = await createLiquid();
    const parsed = attempt('BAD_PARAMS', source, () => {
      const templates = liquid.parse(source.code);
      bindLiquid(templates, source, values);
      return templates;
    });
    const scope = { ...data, ...Object.fromEntries(source.toEntries(values)) };
    return { outputs: { content: attempt('TASK_ERROR', source, () => String(liquid.renderSync(parsed, scope))) } };
  },
};

function toSource(template: string, code: CodePieces | CodeText | undefined): Marks {
  return new Marks(code ?? { strings: [template], references: [] }, '');
}

async function createLiquid() {
  const { Liquid } = await import('liquidjs');
  return new Liquid({
    // Without this, `{% render 'package.json' %}` reads the file.
    templates: {},
    ownPropertyOnly: true,
    strictFilters: true,
    strictVariables: true,
    // `{% if maybe %}` and `| default:` may ask for what is not there.
    lenientIf: true,
    parseLimit: 1_000_000,
    renderLimit: 30_000,
    memoryLimit: 64 * 1024 * 1024,
  });
}

function attempt<T>(code: 'BAD_PARAMS' | 'TASK_ERROR', source: Marks, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new TaskFailure(code, `template: ${source.show(messageOf(error))}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
