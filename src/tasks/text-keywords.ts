/** `text_keywords`: what a text is about, without a model provider: its most frequent nouns. */
import { z } from 'zod';
import type { Task } from '../contract/task.ts';
import { analysedText, loadLanguage } from './language.ts';

const params = z.strictObject({
  text: analysedText,
  count: z.int().min(1).max(200).default(10).meta({ description: 'Most keywords to return; 10 when not given.' }),
});

export const textKeywords: Task<z.infer<typeof params>> = {
  action: 'text_keywords',
  lane: 'cpu',
  description:
    'Finds the most frequent nouns of an English text, most frequent first. Needs no model provider and no network.',
  params,
  timeoutMs: 60_000,
  async run({ text, count }) {
    const { readDoc, its } = await loadLanguage();
    const tokens = readDoc(text).tokens();
    const parts: string[] = tokens.out(its.pos);
    // The library's types know this function only under its older signature.
    const lemmas: string[] = tokens.out(its.lemma as unknown as typeof its.pos);
    const counts = new Map<string, number>();
    lemmas.forEach((lemma, i) => {
      const word = lemma.toLowerCase();
      if ((parts[i] === 'NOUN' || parts[i] === 'PROPN') && /\p{L}{2}/u.test(word))
        counts.set(word, (counts.get(word) ?? 0) + 1);
    });
    // The sort is stable: words that occur equally often stay in the order of the text.
    const keywords = [...counts].sort(([, a], [, b]) => b - a).map(([word]) => word);
    return { outputs: { keywords: keywords.slice(0, count) } };
  },
};
