/** Goal: a definition that is being written is read as far as it goes, its faults have places, and completion knows where. */
import { describe, expect, it } from 'vitest';
import { completionsAt } from '../../web/new/complete.ts';
import { readDefinition, writeDefinition } from '../../web/new/definition-text.ts';
import { referencedSteps, toOutline } from '../../web/new/outline.ts';

const text = `name: Tea
params:
  topic: green tea
steps:
  - id: ask
    action: any_chat
    params:
      prompt: About {{params.topic}}
  - id: keywords
    action: text_keywords
    dependencies: [ask]
    params:
      text: '{{steps.ask.outputs.content}}'
`;

describe('reading', () => {
  it('finds the place of a path in YAML and in JSON, or of the nearest part of it', () => {
    for (const format of ['yaml', 'json'] as const) {
      const written = format === 'yaml' ? text : writeDefinition(readDefinition(text, 'yaml').definition, 'json');
      const reading = readDefinition(written, format);
      expect(reading.faults).toEqual([]);
      const at = (path: string) => {
        const { from, to } = reading.rangeOf(path);
        return written.slice(from, to).replaceAll(/["']/g, '');
      };
      expect(at('steps[1].action')).toBe('text_keywords');
      expect(at('steps[1].dependencies[0]')).toBe('ask');
      expect(at('steps[0].params.nothing')).toBe('params');
    }
    expect(readDefinition(text, 'yaml').rangeOf('')).toEqual({ from: 0, to: 1 });
  });

  it('names what cannot be read, with its place', () => {
    const broken = readDefinition('name: [1\nsteps: 2', 'yaml');
    expect(broken.definition).toBeNull();
    expect(broken.faults[0]?.from).toBeGreaterThan(0);
    expect(readDefinition('{"a": 1,}', 'json').faults).toHaveLength(1);
    expect(readDefinition('{"a": 1,}', 'yaml').faults).toEqual([]);
  });

  it('writes what it has read', () => {
    const { definition } = readDefinition(text, 'yaml');
    for (const format of ['yaml', 'json'] as const) {
      expect(readDefinition(writeDefinition(definition, format), format).definition).toEqual(definition);
    }
  });
});

describe('the outline', () => {
  it('has the steps by level, the longest way counting', () => {
    const steps = [
      { id: 'd', dependencies: ['a', 'c'] },
      { id: 'a' },
      { id: 'b', dependencies: ['a'] },
      { id: 'c', dependencies: ['b', 'absent'], forEach: '{{params.list}}' },
    ];
    const { levels } = toOutline({ steps });
    expect(levels.map((level) => level.map(({ id }) => id))).toEqual([['a'], ['b'], ['c'], ['d']]);
    expect(levels[2]?.[0]).toMatchObject({ kind: 'map', place: 3 });
  });

  it('stands for what is half written, and for circles', () => {
    expect(toOutline(null).steps).toEqual([]);
    expect(toOutline({ steps: [null, 'x', { action: 'noop' }] }).steps).toMatchObject([{ id: '', place: 2 }]);
    const circle = toOutline({
      steps: [
        { id: 'a', dependencies: ['b'] },
        { id: 'b', dependencies: ['a'] },
      ],
    });
    expect(circle.levels.flat()).toHaveLength(2);
  });

  it('knows which steps a text refers to', () => {
    expect(referencedSteps('{{steps.a.outputs.x}} {{ steps.b-2.outputs }} {{steps.a.error}} steps.c')).toEqual([
      'a',
      'b-2',
    ]);
  });
});

describe('completion', () => {
  const facts = {
    outline: toOutline(readDefinition(text, 'yaml').definition),
    actions: [
      { action: 'any_chat', description: 'asks a model', params: { properties: { prompt: { description: 'what' } } } },
      { action: 'text_keywords', description: 'finds keywords', params: { properties: { text: {}, count: {} } } },
    ],
  };
  /** `|` is the cursor. */
  const at = (written: string) => {
    const cursor = written.indexOf('|');
    const found = completionsAt(written.replace('|', ''), cursor, facts);
    return found && { typed: written.slice(found.from, cursor), choices: found.choices.map((choice) => choice.text) };
  };

  it.each([
    ['    prompt: {{steps.k|', 'k', ['ask', 'keywords']],
    ['    prompt: {{ params.|', '', ['topic']],
    ['    prompt: {{|', '', ['steps', 'params', 'secrets']],
    ['    action: te|', 'te', ['any_chat', 'text_keywords']],
    ['  "action": "an|', 'an', ['any_chat', 'text_keywords']],
    ['    dependencies: [ask, k|', 'k', ['ask', 'keywords']],
    ['steps:\n  - id: a\n    dependencies:\n      - |', '', ['ask', 'keywords']],
    ['steps:\n  - id: a\n    action: text_keywords\n    params:\n      c|', 'c', ['text', 'count']],
    ['steps:\n  - id: a\n    params:\n      |\n    action: any_chat', '', ['prompt']],
  ])('at %j', (written, typed, choices) => {
    expect(at(written)).toEqual({ typed, choices });
  });

  it('offers the fields of a step within one, those of a definition at the margin, and nothing in a text', () => {
    expect(at('steps:\n  - id: a\n    wh|')?.choices).toContain('when');
    expect(at('steps:\n  - |')?.choices).toContain('id');
    expect(at('na|')?.choices).toContain('failurePolicy');
    expect(at('description: some te|')).toBeNull();
  });
});
