/** Goal: params that are shown hold what a step gets, as far as there is room, and never a secret. */
import { describe, expect, test } from 'vitest';
import { bindShown } from '../../src/core/bindings.ts';

const sources = {
  params: { who: 'Ada', list: [1, 2] },
  isStep: (id: string) => id === 'a',
  outputsOf: () => ({ content: 'x'.repeat(10), n: 3 }),
};
const show = (params: Record<string, unknown>, charsMax = 100, code?: string[]) =>
  bindShown(params as never, sources, { charsMax, code });

describe('bindShown', () => {
  test('replaces references at every depth, with their type', () => {
    const params = {
      a: '{{params.list}}',
      b: [{ c: 'Dear {{params.who}}' }, 3, null, true],
      d: '{{steps.a.outputs.n}}',
    };
    expect(show(params)).toEqual({
      params: { a: [1, 2], b: [{ c: 'Dear Ada' }, 3, null, true], d: 3 },
      unbound: [],
    });
  });

  test('leaves code and secrets as they are written', () => {
    const params = { expression: '{{params.who}}', header: 'Bearer {{secrets.TOKEN}} of {{params.who}}' };
    expect(show(params, 100, ['expression']).params).toEqual({
      expression: '{{params.who}}',
      header: 'Bearer {{secrets.TOKEN}} of Ada',
    });
  });

  test('values beyond the bound stay references, and smaller ones after them are still put in', () => {
    const params = { a: '{{steps.a.outputs.content}}', b: '{{steps.a.outputs.content}}', c: '{{steps.a.outputs.n}}' };
    const { params: bound, unbound } = show(params, 19);
    expect(bound).toEqual({ a: 'x'.repeat(10), b: '{{steps.a.outputs.content}}', c: 3 });
    expect(unbound).toEqual([
      '{{steps.a.outputs.content}} takes the params beyond 19 characters; refer to less of it, or split the step',
    ]);
    expect(show(params, 20).params).toMatchObject({ b: 'x'.repeat(10), c: '{{steps.a.outputs.n}}' });
  });

  test('a reference that leads nowhere stays, and says why; other errors go on', () => {
    const many = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`p${i}`, '{{params.absent}}']));
    const { params, unbound } = show(many);
    expect(params).toEqual(many);
    expect(unbound).toHaveLength(20);
    expect(unbound[0]).toBe('{{params.absent}} leads nowhere: there is no "absent"');
    const broken = {
      ...sources,
      outputsOf: () => {
        throw new TypeError('no');
      },
    };
    expect(() => bindShown({ a: '{{steps.a.outputs}}' }, broken, { charsMax: 9 })).toThrow(TypeError);
  });
});
