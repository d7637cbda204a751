/**
 * `render`: a text from a Liquid template and data. Templates come from outside: they see own properties of the data and
 * nothing else, no file, and are bounded in time and memory.
 */
import { z } from 'zod';
import { type IsolatedTask, TaskFailure } from '../contract/task.ts';

const params = z.strictObject({
  template: z.string().max(1_000_000).meta({
    description: 'Liquid (liquidjs.com), at most 1,000,000 characters. An unknown variable or filter fails the step.',
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
  async findFaults({ template }) {
    if (typeof template !== 'string') return [];
    const liquid = await createLiquid();
    try {
      liquid.parse(template);
      return [];
    } catch (error) {
      return [{ path: 'template', message: messageOf(error) }];
    }
  },
  async run({ template, data }) {
    const liquid = await createLiquid();
    const parsed = attempt('BAD_PARAMS', () => liquid.parse(template));
    return { outputs: { content: attempt('TASK_ERROR', () => String(liquid.renderSync(parsed, data))) } };
  },
};

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

function attempt<T>(code: 'BAD_PARAMS' | 'TASK_ERROR', act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new TaskFailure(code, `template: ${messageOf(error)}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
