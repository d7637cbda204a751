/**
 * Goal: of an answer with the channel marks of gpt-oss the final channel is the answer, whole and in pieces alike (TK1 to
 * TK3). Method: answers as servers pass them on, and each of them cut at every character.
 */
import { describe, expect, test } from 'vitest';
import { createTextAfterThinking, splitThinking } from '../../../src/tasks/llm/thinking.ts';

const final = '<|start|>assistant<|channel|>final<|message|>';
const cases: [what: string, whole: string, text: string, thinking: string, isOpen: boolean][] = [
  [
    'as the model writes it',
    `<|channel|>analysis<|message|>Let me see.<|end|>${final}Yes.<|return|>`,
    'Yes.',
    'Let me see.',
    false,
  ],
  [
    'in the short form',
    '<|channel|>analysis<|message|>Let me see.<|channel|>final<|message|>Yes.',
    'Yes.',
    'Let me see.',
    false,
  ],
  ['the final channel alone', '\n<|channel|>final<|message|> Yes.<|return|>', 'Yes.', '', false],
  ['with its opening', `${final}Yes.<|end|>`, 'Yes.', '', false],
  [
    'with a format',
    '<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final <|constrain|>JSON<|message|>{"a": 1}<|return|>',
    '{"a": 1}',
    'Hm.',
    false,
  ],
  [
    'with a commentary',
    `<|channel|>analysis<|message|>One.<|end|><|start|>assistant<|channel|>commentary<|message|>Two.<|end|>${final}Yes. < No.`,
    'Yes. < No.',
    'One.\nTwo.',
    false,
  ],
  ['what looks like a mark is text', `${final}a <|b|> c <| d`, 'a <|b|> c <| d', '', false],
  ['what follows the end is left out', `${final}Yes.<|return|><|start|>user<|message|>And?`, 'Yes.', '', false],
  [
    'thinking without an end',
    '<|channel|>analysis<|message|>Let me',
    '<|channel|>analysis<|message|>Let me',
    'Let me',
    true,
  ],
  ['marks further on', 'It writes <|channel|>final<|message|>.', 'It writes <|channel|>final<|message|>.', '', false],
  ['another model', '<think>Hm.</think>Yes.', 'Yes.', 'Hm.', false],
];

describe.each(cases)('%s', (_what, whole, text, thinking, isOpen) => {
  test('as a whole', () => {
    expect(splitThinking(whole)).toMatchObject({ text, thinking, isOpen });
  });

  test('in pieces, however it is cut', () => {
    const told = isOpen ? '' : text;
    for (let size = 1; size <= whole.length; size += 1) {
      const followed = createTextAfterThinking();
      let heard = '';
      for (let at = 0; at < whole.length; at += size) heard += followed.add(whole.slice(at, at + size));
      expect(heard + followed.rest()).toBe(told);
    }
  });
});
