/** Goal: the templates that a workflow can reach are copied whole, five deep and no deeper, and what was found out about their text is told. Method: templates in memory, counted reads. */
import { expect, test } from 'vitest';
import type { Template } from '../../src/contract/definition.ts';
import { limits } from '../../src/contract/limits.ts';
import { readCalledTemplates } from '../../src/engine/called-templates.ts';
import { findDataSchemaFaults } from '../../src/templates/data-schema-faults.ts';

const calls = (id: string, template: string, params: object = {}) => ({
  id,
  action: 'workflow',
  params: { template, params },
});
const templateOf = (id: string, steps: object[], more: object = {}) =>
  ({ id, name: id, steps, ...more }) as unknown as Template;
const leaf = (id: string, more: object = {}) => templateOf(id, [{ id: 'a', action: 'noop' }], more);

function read(
  steps: object[],
  templates: Template[],
  { told = {} as Record<string, string[]>, own = null as string | null } = {},
) {
  const finds: string[] = [];
  const source = {
    list: async () => templates,
    async find(id: string) {
      finds.push(id);
      const template = templates.find((each) => each.id === id);
      return template && { template, told: told[id] ?? [] };
    },
    problems: async () => [],
    instantiate: async () => ({ name: 'x', steps: [] }),
    close: async () => undefined,
  };
  const validation = { catalogue: new Map(), unknownActions: 'simulate' as const };
  const found = readCalledTemplates({ steps } as never, own, { source, validation, findDataSchemaFaults } as never);
  return found.then((result) => ({ ...result, finds }));
}

/** t1 calls t2, and so on. */
const chain = (length: number) =>
  Array.from({ length }, (_, i) =>
    i === length - 1 ? leaf(`t${i + 1}`) : templateOf(`t${i + 1}`, [calls('next', `t${i + 2}`)]),
  );

test('as deep as granted is deep enough, one deeper is refused with the way', async () => {
  const most = await read([calls('s', 't1')], chain(limits.childDepthMax));
  expect(most.errors).toEqual([]);
  expect(Object.keys(most.templates)).toEqual(chain(limits.childDepthMax).map(({ id }) => id));
  const more = await read([calls('s', 't1')], chain(limits.childDepthMax + 1));
  expect(more.errors).toEqual([
    {
      path: 'steps[0].params.template',
      message: `workflows within workflows go ${limits.childDepthMax} deep at most, and here it is t1 → t2 → t3 → t4 → t5 → t6`,
    },
  ]);
});

test('of several ways down the longest counts', async () => {
  const [top, ...below] = chain(limits.childDepthMax + 1);
  const wide = templateOf('t1', [calls('short', 'leaf'), ...top!.steps, calls('short2', 'leaf')]);
  expect((await read([calls('s', 't1')], [wide, leaf('leaf'), ...below])).errors[0]?.message).toContain('t1 → t2 →');
});

test('each is read once, told of once, and comes without its schedule', async () => {
  const schedule = { cron: '0 7 * * *', timezone: 'UTC' };
  const templates = [leaf('a', { schedule, description: 'kept' }), templateOf('b', [calls('x', 'a'), calls('y', 'a')])];
  const told = { a: ['a number was cut'], b: ['another', 'and one more'] };
  const {
    templates: copied,
    told: lines,
    finds,
    errors,
  } = await read([calls('s', 'b'), calls('t', 'a')], templates, { told });
  expect(errors).toEqual([]);
  expect(finds).toEqual(['b', 'a']);
  expect(lines).toEqual(['template b: another', 'template b: and one more', 'template a: a number was cut']);
  expect(copied.a).toEqual({ id: 'a', name: 'a', steps: [{ id: 'a', action: 'noop' }], description: 'kept' });
});

test('a circle is refused with its way, also one that leads back to the own template', async () => {
  const circle = [templateOf('a', [calls('x', 'b')]), templateOf('b', [calls('x', 'a')])];
  const back = await read([calls('s', 'a')], circle);
  expect(back.errors[0]?.message).toContain('these templates call each other in a circle: a → b → a');
  const own = await read([calls('s', 'a')], [templateOf('a', [calls('x', 'me')]), leaf('me')], { own: 'me' });
  expect(own.errors[0]?.message).toContain('me → a → me');
});

test('an id that is none, and one that is not there, is refused by name', async () => {
  const messages = async (id: string) =>
    (await read([calls('s', id)], [leaf('digest')])).errors.map(({ message }) => message);
  expect(await messages('{{params.which}}')).toEqual([
    expect.stringContaining('expected the id of a template, without references'),
  ]);
  expect(await messages('digset')).toEqual([
    expect.stringMatching(/^there is no template "digset"; did you mean "?digest/),
  ]);
});
