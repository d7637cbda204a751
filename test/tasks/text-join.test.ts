/** Goal: texts of a map become one, and nothing is left out without a word. */
import { describe, expect, it } from 'vitest';
import { tasks } from '../../src/tasks/registry.ts';
import { runTask } from './run-task.ts';

async function join(params: unknown): Promise<{ content: unknown; logs: string[] }> {
  const logs: string[] = [];
  const { content } = await runTask('text_join', params, { log: (line) => void logs.push(line) });
  return { content, logs };
}

describe('text_join', () => {
  it('joins texts by an empty line, or by what the step says', async () => {
    expect(await join({ texts: ['a', '', 'b'] })).toEqual({ content: 'a\n\n\n\nb', logs: [] });
    expect(await join({ texts: ['a', 'b', 'c'], separator: ', ' })).toEqual({ content: 'a, b, c', logs: [] });
    expect(await join({ texts: ['a', 'b'], separator: '' })).toEqual({ content: 'ab', logs: [] });
    expect(await join({ texts: [] })).toEqual({ content: '', logs: [] });
  });

  it('reads objects by their content, as gathered items are', async () => {
    expect(
      await join({ texts: [{ content: 'a', finish_reason: 'stop' }, 'b', { content: '' }], separator: '-' }),
    ).toEqual({ content: 'a-b-', logs: [] });
  });

  it('leaves null out and says so', async () => {
    const logs = ['Left out 2 of 4 texts, which are null: texts[1], texts[3]'];
    expect(await join({ texts: ['a', null, { content: 'b' }, null] })).toEqual({ content: 'a\n\nb', logs });
    const { logs: many } = await join({ texts: Array.from({ length: 30 }, () => null) });
    expect(many[0]).toMatch(/^Left out 30 of 30 texts, .* texts\[19\], …$/);
  });

  it.each([
    ['a number', [1], 'texts[0]'],
    ['a list', ['a', ['b']], 'texts[1]'],
    ['an object without a text', ['a', { text: 'b' }], 'texts[1].content'],
    ['a content that is no text', ['a', 'b', { content: null }], 'texts[2].content'],
  ])('refuses %s, with its place', async (_, texts, place) => {
    const issues = tasks.get('text_join')?.params.safeParse({ texts }).error?.issues ?? [];
    const { toFieldErrors } = await import('../../src/contract/field-errors.ts');
    expect(toFieldErrors(issues).map(({ path }) => path)).toEqual([place]);
  });
});
