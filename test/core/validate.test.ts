/** Goal: every fault of a definition is named at once, by its place. Method: definitions with one fault or several. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { toFieldPath } from '../../src/contract/field-errors.ts';
import type { ActionCatalogue, ActionInfo } from '../../src/contract/task.ts';
import { type ValidationOptions, validateDefinition, validateStepParams } from '../../src/core/validate.ts';

function action(name: string, params: z.ZodType): [string, ActionInfo] {
  return [name, { action: name, lane: 'io', description: '', params, secrets: [], timeoutMs: 1 }];
}

const chat = z
  .strictObject({
    prompt: z.string().min(1).optional(),
    messages: z.array(z.strictObject({ role: z.string(), content: z.string() })).optional(),
    n: z.number().optional(),
  })
  .refine((value) => value.prompt !== undefined || value.messages !== undefined, 'give prompt or messages');
const catalogue: ActionCatalogue = new Map([action('noop', z.looseObject({})), action('chat', chat)]);

const check = (input: unknown, options: Partial<ValidationOptions> = {}) =>
  validateDefinition(input, { catalogue, unknownActions: 'reject', ...options });
const faults = (input: unknown, options?: Partial<ValidationOptions>) => {
  const result = check(input, options);
  return result.ok ? [] : result.errors.map((error) => `${error.path}: ${error.message}`);
};
const step = (id: string, dependencies: string[] = [], params: object = {}, name = 'noop') => ({
  id,
  action: name,
  dependencies,
  params,
});
const withSteps = (...steps: unknown[]) => ({ name: 'w', steps });

describe('a sound definition', () => {
  test('is given back as it was read', () => {
    const definition = withSteps(step('a'), step('b', ['a'], { x: '{{steps.a.outputs.content}}' }));
    expect(check(definition)).toEqual({ ok: true, definition, warnings: [] });
  });

  test('needs no dependencies, params or params of the workflow', () => {
    expect(faults(withSteps({ id: 'a', action: 'noop' }))).toEqual([]);
  });
});

describe('shape', () => {
  test.each([
    [null],
    [undefined],
    ['text'],
    [5],
    [{}],
    [{ name: 'w', steps: 'none' }],
    [{ name: 'w', steps: [null, 7] }],
  ])('%o is refused, not thrown at', (input) => {
    expect(faults(input).length).toBeGreaterThan(0);
  });

  test('an unknown field is named, each by its own entry', () => {
    expect(faults({ ...withSteps({ ...step('a'), depends: 1, whenever: 2 }), extra: 3 })).toEqual([
      'steps[0].depends: unknown field "depends"; did you mean "dependencies"?',
      'steps[0].whenever: unknown field "whenever"',
      'extra: unknown field "extra"',
    ]);
  });

  test('a field that only a template has is named with what makes a template', () => {
    expect(faults({ ...withSteps({ ...step('a'), schedule: 1 }), schedule: { cron: '0 7 * * *' }, id: 'x' })).toEqual([
      'steps[0].schedule: unknown field "schedule"',
      'schedule: unknown field "schedule"; only a template has one: give the file an `id` and make `params` a JSON Schema',
      'id: unknown field "id"',
    ]);
  });

  test('a fault of shape does not hide those of the graph', () => {
    const input = { steps: [step('a', ['a']), { ...step('b', ['nowhere']), action: 5 }, step('a')] };
    const found = faults(input);
    expect(found.map((text) => text.slice(0, text.indexOf(':')))).toEqual([
      'name',
      'steps[1].action',
      'steps[1].dependencies[0]',
      'steps[2].id',
      'steps[0].dependencies',
    ]);
  });

  test('a dependency is named by its own place, also behind one that is no text', () => {
    expect(faults(withSteps({ ...step('a'), dependencies: [5, 'nowhere'] })).at(-1)).toBe(
      'steps[0].dependencies[1]: step "a" depends on "nowhere", which is not a step of this workflow',
    );
  });

  test('a step without an id is no target, and its dependencies are still checked', () => {
    expect(faults(withSteps({ action: 'noop', dependencies: 'x' }, { action: 'noop', dependencies: ['b'] }))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^steps\[1\]\.dependencies\[0\]: step .* depends on "b"/)]),
    );
  });
});

describe('the graph', () => {
  test('a repeated id names the step that has it', () => {
    expect(faults(withSteps(step('a'), step('b'), step('a')))).toEqual([
      'steps[2].id: step id "a" is used before, by step 0; ids must be unique',
    ]);
  });

  test('a mistyped name is answered with the one that was meant: a dependency, a step, a param', () => {
    const params = { x: '{{steps.fetsh.outputs.x}}', y: '{{params.tpoic}}' };
    const definition = { ...withSteps(step('fetch'), step('b', ['fecth'], params)), params: { topic: 1 } };
    expect(faults(definition)).toEqual([
      'steps[1].dependencies[0]: step "b" depends on "fecth", which is not a step of this workflow; did you mean "fetch"?',
      'steps[1].params.x: {{steps.fetsh.outputs.x}}: there is no step "fetsh"; did you mean "fetch"?',
      'steps[1].params.y: {{params.tpoic}}: the workflow has no param "tpoic"; did you mean "topic"?',
    ]);
  });

  test('the first 20 faults get a guess, so that thousands cost no more', () => {
    const params = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`p${i}`, '{{params.tpoic}}']));
    const found = faults({ ...withSteps(step('a', [], params)), params: { topic: 1 } });
    expect(found.map((fault) => fault.includes('did you mean'))).toEqual([
      ...Array(20).fill(true),
      ...Array(10).fill(false),
    ]);
    const dependencies = Array.from({ length: 30 }, () => 'fecth');
    const dependent = faults(withSteps(step('fetch'), step('b', dependencies)));
    expect(dependent.filter((fault) => fault.includes('did you mean'))).toHaveLength(20);
  });

  test('an unknown dependency names the step and the id', () => {
    expect(faults(withSteps(step('a'), step('b', ['a', 'c'])))).toEqual([
      'steps[1].dependencies[1]: step "b" depends on "c", which is not a step of this workflow',
    ]);
  });

  test('a circle names its steps in the order of waiting, and not what hangs on it', () => {
    const circle = [step('a', ['b', 'start']), step('b', ['c']), step('c', ['a'])];
    expect(faults(withSteps(step('behind', ['c']), step('start'), ...circle))).toEqual([
      'steps[4].dependencies: steps wait for each other in a circle: c → a → b → c',
    ]);
  });

  test('a step that waits for itself is a circle', () => {
    expect(faults(withSteps(step('a', ['a'])))).toEqual([
      'steps[0].dependencies: steps wait for each other in a circle: a → a',
    ]);
  });
});

describe('references', () => {
  const refer = (text: string) =>
    faults({
      ...withSteps(step('a'), step('b', ['a']), step('other'), step('c', ['b'], { deep: [text] })),
      params: { x: 1 },
    });

  test.each([
    '{{steps.a.outputs.x}}',
    '{{steps.b.outputs}}',
    'see {{params.x}} and {{steps.a.outputs.x}}',
    '{{ liquid }}',
  ])('%s is sound', (text) => {
    expect(refer(text)).toEqual([]);
  });

  test.each([
    ['{{steps.other.outputs.x}}', 'step "other" is not upstream of "c"; add it to its dependencies'],
    ['{{steps.c.outputs.x}}', 'step "c" cannot refer to itself'],
    ['{{steps.nobody.outputs.x}}', 'there is no step "nobody"'],
    ['{{params.y}}', 'the workflow has no param "y"'],
    ['{{params.toString}}', 'the workflow has no param "toString"'],
  ])('%s is named with its fault', (text, fault) => {
    expect(refer(`at ${text}`)).toEqual([`steps[3].params.deep[0]: ${text}: ${fault}`]);
  });

  test('what is malformed is told how to be written', () => {
    expect(refer('{{steps.a}}')).toEqual([
      'steps[3].params.deep[0]: {{steps.a}} is not a reference: write {{steps.<id>.outputs.<path>}}',
    ]);
  });

  test('a workflow without params has none to refer to', () => {
    expect(faults(withSteps(step('a', [], { v: '{{params.x}}' })))).toEqual([
      'steps[0].params.v: {{params.x}}: the workflow has no param "x"',
    ]);
  });

  test('20,000 steps that refer to steps far up their chain are taken', () => {
    const chain = Array.from({ length: 20_000 }, (_, i) =>
      i === 0
        ? step('s0')
        : step(`s${i}`, [`s${i - 1}`], { first: '{{steps.s0.outputs.x}}', half: `{{steps.s${i >> 1}.outputs.x}}` }),
    );
    expect(faults(withSteps(...chain))).toEqual([]);
  });
});

describe('actions', () => {
  test('an unknown one is refused or simulated, as the setting says', () => {
    const definition = withSteps(step('a', [], {}, 'dream'));
    expect(faults(definition)).toEqual([
      'steps[0].action: unknown action "dream"; GET /api/actions lists those there are',
    ]);
    expect(faults(definition, { unknownActions: 'simulate' })).toEqual([]);
  });

  test('params without references are checked against the action’s schema', () => {
    const definition = withSteps(step('a', [], { prompt: '', temperature: 1 }, 'chat'), { id: 'b', action: 'chat' });
    expect(faults(definition)).toEqual([
      expect.stringMatching(/^steps\[0\]\.params\.prompt: /),
      'steps[0].params.temperature: unknown field "temperature"',
      'steps[1].params: give prompt or messages',
    ]);
  });

  test('what a reference will fill is not checked, the rest is', () => {
    const params = {
      n: '{{params.n}}',
      prompt: 5,
      messages: [
        { role: 'user', content: 'q: {{params.n}}' },
        { role: 3, content: '' },
      ],
    };
    const definition = { ...withSteps(step('a', [], params, 'chat')), params: { n: 1 } };
    expect(faults(definition).map((text) => text.slice(0, text.indexOf(':')))).toEqual([
      'steps[0].params.prompt',
      'steps[0].params.messages[1].role',
    ]);
  });

  test('a value of several possible forms is not held to one of them before its references are bound', () => {
    const short = z.looseObject({ type: z.literal('text'), size: z.number() });
    const long = z.looseObject({ type: z.literal('schema'), schema: z.object({}) });
    const action: ActionInfo = { ...catalogue.get('noop')!, params: z.object({ format: z.union([short, long]) }) };
    const asked = (format: object) =>
      faults(
        { ...withSteps(step('a', [], { format })), params: { n: {} } },
        { catalogue: new Map([['noop', action]]) },
      );
    expect(asked({ type: '{{params.n}}', schema: '{{params.n}}', size: 'large' })).toEqual([]);
    expect(asked({ type: 'schema', schema: 5 })).toEqual([
      'steps[0].params.format.schema: expected object, received number',
    ]);
  });

  test('a fault of something that holds a reference waits until it is bound', () => {
    const params = { messages: '{{params.n}}', prompt: ['{{params.n}}'] };
    expect(faults({ ...withSteps(step('a', [], params, 'chat')), params: { n: 1 } })).toEqual([]);
    const whole = { nested: { prompt: '{{params.n}}' } };
    expect(faults({ ...withSteps(step('a', [], whole, 'chat')), params: { n: 1 } })).toEqual([]);
  });
});

describe('new params for one step of a workflow', () => {
  const steps = [step('a'), step('b', ['a'], {}, 'chat'), step('c')];
  const options: ValidationOptions = { catalogue, unknownActions: 'reject' };
  const paramFaults = (stepId: string, params: Record<string, unknown>) =>
    validateStepParams(steps, stepId, params, { x: 1 }, options).map((error) => `${error.path}: ${error.message}`);

  test('are checked as those of a definition, with paths that begin at params', () => {
    expect(paramFaults('b', { prompt: '{{steps.a.outputs.content}} {{params.x}}' })).toEqual([]);
    expect(paramFaults('b', { prompt: '{{steps.c.outputs.content}}', temperature: 1 })).toEqual([
      'params.prompt: {{steps.c.outputs.content}}: step "c" is not upstream of "b"; add it to its dependencies',
      'params.temperature: unknown field "temperature"',
    ]);
  });

  test('for a step that is not there are left to whoever names the step', () => {
    expect(paramFaults('z', { any: 1 })).toEqual([]);
  });
});

test('more faults than help anybody are counted', () => {
  const found = faults(withSteps(...Array.from({ length: 150 }, () => step('a', ['nowhere']))));
  expect(found.length).toBe(101);
  expect(found.at(-1)).toBe(': and 199 more');
});

test('paths read as people write them', () => {
  expect(toFieldPath(['steps', 3, 'dependencies', 0])).toBe('steps[3].dependencies[0]');
  expect(toFieldPath([])).toBe('');
});

test('a fault of shape does not hide the faults of steps that are well formed', () => {
  const errors = faults({
    name: 5,
    steps: [
      { id: 'a', action: 'chat', params: { temperature: 'hot' } },
      { id: 'b', action: 'noop', dependencies: ['zz'], params: { x: '{{params.q}}' } },
      { id: 'c', action: 'noop', when: 1 },
    ],
  });
  for (const path of ['name', 'steps[0].params', 'steps[1].dependencies[0]', 'steps[1].params.x', 'steps[2].when']) {
    expect(errors.some((error) => error.startsWith(path))).toBe(true);
  }
});

describe('hundreds of thousands of faults', () => {
  const many = 130_000;
  const list = <T>(item: (i: number) => T) => Array.from({ length: many }, (_, i) => item(i));
  const references = list((i) => `{{params.p${i}}}`);

  test.each<[string, unknown, string]>([
    [
      'unknown dependencies',
      withSteps(
        step(
          'a',
          list((i) => `d${i}`),
        ),
      ),
      'steps[0].dependencies[0]: step "a" depends on "d0", which is not a step of this workflow',
    ],
    [
      'unknown params of an action',
      withSteps(step('a', [], Object.fromEntries(list((i) => [`p${i}`, 1])), 'chat')),
      'steps[0].params.p0: unknown field "p0"',
    ],
    [
      'references to params that are not there',
      withSteps(step('a', [], { references })),
      'steps[0].params.references[0]: {{params.p0}}: the workflow has no param "p0"',
    ],
    [
      'references beside faults of the same step',
      withSteps(step('a', [], { messages: list(() => ({ role: 1, content: '{{params.p}}' })) }, 'chat')),
      'steps[0].params.messages[0].content: {{params.p}}: the workflow has no param "p"',
    ],
  ])('%s: the first 100 are named, the others counted', (_, definition, first) => {
    const found = faults(definition);
    expect(found).toHaveLength(101);
    expect(found).toContain(first);
    expect(found.at(-1)).toMatch(/^: and \d{6} more$/);
  });

  test('new params of one step', () => {
    const errors = validateStepParams(
      [{ ...step('a'), action: 'noop' }],
      'a',
      { references },
      {},
      {
        catalogue,
        unknownActions: 'reject',
      },
    );
    expect(errors).toHaveLength(101);
    expect(errors.at(-1)?.message).toBe('and 129900 more');
  });
});

describe('the sources of one reference (N8)', () => {
  const chain = (text: string) =>
    withSteps(
      { id: 'best', action: 'noop', tolerate: true },
      { id: 'cheaper', action: 'noop', dependencies: ['best'], join: 'failed', tolerate: true },
      { id: 'local', action: 'noop', dependencies: ['cheaper'], join: 'failed' },
      { id: 'answer', action: 'noop', dependencies: ['best', 'cheaper', 'local'], join: 'any', params: { text } },
    );

  test('cover an any together, whichever of them comes first', () => {
    const text = '{{steps.best.outputs.x ?? steps.cheaper.outputs.x ?? steps.local.outputs.x}}';
    expect(faults(chain(text))).toEqual([]);
  });

  test('are each a fault where one of its dependencies is not among them', () => {
    expect(faults(chain('{{steps.best.outputs.x ?? steps.local.outputs.x}}'))).toEqual([
      expect.stringMatching(/^steps\[3\]\.params\.text: .*step "best" may not have run when "answer" does/),
      expect.stringMatching(/^steps\[3\]\.params\.text: .*step "local" may not have run when "answer" does/),
    ]);
  });
});

test('a step of finally has no join', () => {
  const last = (join?: string) => ({ id: 'z', action: 'noop', ...(join === undefined ? {} : { join }) });
  expect(faults({ ...withSteps(step('a')), finally: [last()] })).toEqual([]);
  expect(faults({ ...withSteps(step('a')), finally: [null, last('any')] })).toContain(
    'finally[1].join: a step of finally begins when all others have ended, however; leave join out',
  );
  expect(faults({ ...withSteps(step('a')), finally: 'none' })).not.toContain(expect.stringContaining('join'));
});
