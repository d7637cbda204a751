/**
 * Goal: no template's schema and no params of a run hold up the caller's thread. Method: schemas that ask for work
 * without end, with a short deadline, while a count of the event loop's turns goes on.
 */
import { afterEach, expect, test } from 'vitest';
import type { Template } from '../../src/contract/definition.ts';
import { Refusal } from '../../src/contract/failures.ts';
import { ParamsChecker } from '../../src/templates/params-checker.ts';

let checker: ParamsChecker;
const start = (deadlineMs?: number) => {
  checker = new ParamsChecker({ execArgv: undefined, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
};
afterEach(() => checker.close());

const template = (properties: object, more: object = {}): Template => ({
  id: 't',
  name: 'T',
  params: { type: 'object', properties, ...more },
  steps: [{ id: 'a', action: 'noop' }],
});
const ask = (of: Template, params: Record<string, unknown>): Promise<unknown> =>
  checker
    .instantiate(of, params)
    .catch((error: unknown) => (error instanceof Refusal ? [error.code, error.detail] : error));

const tooLong = [
  'INVALID',
  'The check of the params against the schema of template t takes longer than 0.3 s; give shorter params, or make its patterns, its $refs and its lists of unique items simpler',
];
const text = { type: 'string' };
const endless: [string, Template, Record<string, unknown>][] = [
  [
    'a pattern whose work grows with the sixth power',
    template({ x: { pattern: '^a*a*a*a*a*b$' } }),
    { x: 'a'.repeat(800) },
  ],
  [
    'an everyday pattern and a long text',
    template({ x: { pattern: '^[^@]+@[^@]+\\.[^@]+$' } }),
    { x: `a@${'.'.repeat(200_000)}@` },
  ],
  [
    'parts that refer to each other twice',
    template(
      { x: { $ref: '#/$defs/d0' } },
      {
        $defs: Object.fromEntries(
          Array.from({ length: 27 }, (_, i) => [
            `d${i}`,
            i === 26 ? { type: 'string' } : { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
          ]),
        ),
      },
    ),
    { x: 'text' },
  ],
  [
    'a long list of unique items',
    template({ x: { uniqueItems: true } }),
    { x: Array.from({ length: 100_000 }, (_, i) => i) },
  ],
];

test.each(endless)('PC2: %s ends at the deadline, and the caller goes on meanwhile', async (_, of, params) => {
  start(300);
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  expect(await ask(of, params)).toEqual(tooLong);
  isOver = true;
  expect(turns).toBeGreaterThan(100);
});

test('PC2: data of a decision are held against the schema of a step within the same deadline', async () => {
  start(300);
  const slow = checker.checkData({ type: 'string', pattern: '^a*a*a*a*a*b$' }, 'a'.repeat(800));
  await expect(slow).rejects.toThrow(/check of the data against the schema of the step takes longer than 0.3 s/);
  await checker.close();
  start(10_000);
  expect(await checker.checkData({ properties: { x: { default: 1 } } }, {})).toEqual({ data: { x: 1 }, errors: [] });
  const wrong = await checker.checkData({ properties: { tone: {} }, additionalProperties: false }, { tune: 1 });
  expect(wrong.errors).toEqual([
    { path: 'data.tune', message: 'is no field of the data; the step takes tone; did you mean "tone"?' },
  ]);
  const faulty = await checker.checkData({ type: 'strong' }, 'a');
  expect(faulty.errors[0]?.message).toMatch(/^cannot be checked: the schema of the step is faulty: /);
});

test('PC1, PC2: the next check gets a thread of its own, and the same answer as without a thread', async () => {
  start(2_000);
  const of = template({ x: { ...text, pattern: '^a*a*a*a*a*b$' }, y: { default: 5 } }, { required: ['x'] });
  await ask(of, { x: 'ab' });
  const [slow, sound, wrong, missing] = await Promise.all([
    ask(of, { x: 'a'.repeat(800) }),
    ask(of, { x: 'aab' }),
    ask(of, { x: 'no' }),
    ask(of, {}),
  ]);
  expect(slow).toEqual([tooLong[0], tooLong[1]?.replace('0.3', '2')]);
  expect(sound).toEqual({ name: 'T', params: { x: 'aab', y: 5 }, steps: [{ id: 'a', action: 'noop' }] });
  expect(wrong).toEqual(['INVALID', expect.stringContaining('params.x String does not match pattern')]);
  expect(missing).toEqual(['INVALID', 'The params do not fit template t: params.x is required']);
});

test('PC3: sixteen wait, the seventeenth is refused', async () => {
  start();
  const of = template({ x: { ...text, pattern: '^a$' } });
  const answers = await Promise.all(Array.from({ length: 18 }, () => ask(of, { x: 'a' })));
  const refused = ['BUSY', '16 checks of params wait for their turn; try again'];
  expect(answers.slice(16)).toEqual([refused, refused]);
  expect(answers.slice(0, 16)).toEqual(
    Array.from({ length: 16 }, () => expect.objectContaining({ params: { x: 'a' } })),
  );
  expect(await ask(of, { x: 'a' })).toMatchObject({ params: { x: 'a' } });
});
