/** Goal: the tasks that work on text return what docs/tasks.md says, at the borders too. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findRanges } from '../../src/tasks/text-split.ts';
import { failureOf, runTask } from './run-task.ts';

const split = async (text: string, size: number, overlap: number) =>
  (await runTask('text_split', { text, size, overlap })).chunks as string[];

describe('text_split', () => {
  it('cuts at paragraphs, else at sentences, else at words', async () => {
    expect(await split('One two three.\n\nFour five six.\n\nSeven eight.', 20, 0)).toEqual([
      'One two three.',
      'Four five six.',
      'Seven eight.',
    ]);
    expect(await split('First sentence here. Second one is here.', 30, 0)).toEqual([
      'First sentence here.',
      'Second one is here.',
    ]);
    expect(await split('alpha beta gamma delta', 16, 0)).toEqual(['alpha beta gamma', 'delta']);
    expect(await split('x'.repeat(40), 16, 0)).toEqual(['x'.repeat(16), 'x'.repeat(16), 'x'.repeat(8)]);
  });

  it('repeats the end of a chunk at the beginning of the next, from a word on', async () => {
    expect(await split('a1 b2 c3 d4 e5 f6 g7 h8 i9', 16, 6)).toEqual(['a1 b2 c3 d4 e5', 'd4 e5 f6 g7 h8', 'g7 h8 i9']);
  });

  it('loses nothing, exceeds nothing and tears no surrogate pair, whatever the text', () => {
    const unit = fc.oneof(
      fc.constantFrom(' ', '\n\n', '. ', '😀', '。', 'word', 'ab'),
      fc.string({ unit: 'grapheme' }),
    );
    const sizes = fc
      .integer({ min: 16, max: 60 })
      .chain((size) => fc.tuple(fc.constant(size), fc.nat(Math.floor(size / 2))));
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 200 }), sizes, (parts, [size, overlap]) => {
        const text = parts.join('');
        let covered = 0;
        for (const { start, end } of findRanges(text, size, overlap)) {
          expect(end - start).toBeLessThanOrEqual(size);
          expect(start).toBeLessThanOrEqual(covered);
          expect(end).toBeGreaterThan(covered);
          expect(text.slice(start, end)).not.toMatch(/\p{Surrogate}/u);
          covered = end;
        }
        expect(covered).toBe(text.length);
      }),
      { numRuns: 500 },
    );
  });

  it('returns no chunk for white space, and refuses an overlap of more than half', async () => {
    expect(await runTask('text_split', { text: ' \n ' })).toEqual({ chunks: [] });
    await expect(runTask('text_split', { text: 'x', size: 100, overlap: 51 })).rejects.toThrow('half of size');
  });
});

const story = [
  'Honey bees are social insects that live in colonies.',
  'Worker bees collect nectar from flowers and turn the nectar into honey.',
  'The weather was fine.',
  'A colony of bees needs nectar and pollen from many flowers to make honey.',
  'Nobody knows why.',
].join(' ');

describe('text_keywords and text_summarize', () => {
  it('finds the most frequent nouns', async () => {
    const { keywords } = (await runTask('text_keywords', { text: story, count: 5 })) as { keywords: string[] };
    expect([...keywords].sort()).toEqual(['bee', 'colony', 'flower', 'honey', 'nectar']);
  });

  it('picks sentences word for word and keeps their order', async () => {
    const { content, sentences } = (await runTask('text_summarize', { text: story, count: 2 })) as {
      content: string;
      sentences: string[];
    };
    expect(sentences).toHaveLength(2);
    expect(content).toBe(sentences.join(' '));
    for (const sentence of sentences) expect(story).toContain(sentence);
    expect(story.indexOf(sentences[0] ?? '')).toBeLessThan(story.indexOf(sentences[1] ?? ''));
    expect(sentences.join(' ')).toContain('nectar');
  });

  it('takes an empty text and a single sentence', async () => {
    expect(await runTask('text_keywords', { text: '' })).toEqual({ keywords: [] });
    expect(await runTask('text_summarize', { text: '' })).toEqual({ content: '', sentences: [] });
    expect(await runTask('text_summarize', { text: 'Just this.' })).toEqual({
      content: 'Just this.',
      sentences: ['Just this.'],
    });
  });
});

describe('transform', () => {
  it('evaluates the expression and adds content for a string', async () => {
    const input = { items: [{ price: 2 }, { price: 3 }], name: 'x' };
    expect(await runTask('transform', { input, expression: '$sum(items.price)' })).toEqual({ value: 5 });
    expect(await runTask('transform', { input, expression: 'name & "!"' })).toEqual({ value: 'x!', content: 'x!' });
    expect(await runTask('transform', { input, expression: 'nothing.here' })).toEqual({ value: null });
    expect(JSON.stringify(await runTask('transform', { input, expression: 'items.price' }))).toBe('{"value":[2,3]}');
  });

  it('tells a wrong expression from one that fails on its input', async () => {
    expect(await failureOf(runTask('transform', { input: 1, expression: '(((' }))).toMatchObject({
      code: 'BAD_PARAMS',
      message: expect.stringMatching(/^expression: .*\(at character \d+\)$/),
    });
    expect(await failureOf(runTask('transform', { input: 'x', expression: '$ + 1' }))).toMatchObject({
      code: 'TASK_ERROR',
    });
  });

  it.each(['constructor', '$.constructor.constructor', '__proto__', '$lookup($, "__proto__")', 'toString'])(
    'reaches no prototype with %s',
    async (expression) => {
      expect(JSON.stringify(await runTask('transform', { input: { a: 1 }, expression }))).toMatch(
        /^\{"value":(null|\{\})\}$/,
      );
    },
  );
});

describe('render', () => {
  it('fills a template', async () => {
    const template = '{% for p in people %}{{ p.name | upcase }};{% endfor %}{% if maybe %}x{% endif %}';
    expect(await runTask('render', { template, data: { people: [{ name: 'ada' }, { name: '$&' }] } })).toEqual({
      content: 'ADA;$&;',
    });
  });

  it.each([
    ["{% render 'package.json' %}", 'TASK_ERROR'],
    ["{% include '/etc/passwd' %}", 'TASK_ERROR'],
    ["{% layout '../package.json' %}", 'TASK_ERROR'],
    ['{{ absent }}', 'TASK_ERROR'],
    ['{{ data.constructor }}', 'TASK_ERROR'],
    ['{{ data.__proto__ }}', 'TASK_ERROR'],
    ['{% for i in (1..1000000000) %}x{% endfor %}', 'TASK_ERROR'],
    ['{{ data.a | no_such_filter }}', 'BAD_PARAMS'],
    ['{% if %', 'BAD_PARAMS'],
  ])('refuses %s', async (template, code) => {
    expect(await failureOf(runTask('render', { template, data: { data: { a: 1 } } }))).toMatchObject({
      code,
      message: expect.stringMatching(/^template: /),
    });
  });

  it('never renders values again', async () => {
    expect(await runTask('render', { template: '{{ a }}', data: { a: '{{ b }}', b: 'secret' } })).toEqual({
      content: '{{ b }}',
    });
  });
});

describe('the simulated action', () => {
  it('says in every place that nothing was done', async () => {
    const lines: string[] = [];
    const outputs = await runTask('$simulate', { action: 'teleport', ms: 1 }, { log: (line) => void lines.push(line) });
    expect(outputs).toEqual({ simulated: true });
    expect(lines).toEqual(['Warning: no task implements the action "teleport"; it was simulated, nothing was done']);
  });
});

describe('external_data', () => {
  it('is never run', async () => {
    expect((await failureOf(runTask('external_data', { source: 'browser_extension' }))).message).toContain(
      'from outside',
    );
  });
});
