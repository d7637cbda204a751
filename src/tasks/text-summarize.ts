/** `text_summarize`: the most telling sentences of a text, word for word and in its order, without a model provider. */
import { z } from 'zod';
import type { Task } from '../contract/task.ts';
import { analysedText, loadLanguage } from './language.ts';

const params = z.strictObject({
  text: analysedText,
  count: z.int().min(1).max(200).default(5).meta({ description: 'Most sentences to return; 5 when not given.' }),
});

export const textSummarize: Task<z.infer<typeof params>> = {
  action: 'text_summarize',
  lane: 'cpu',
  description:
    'Picks the most important sentences of an English text, word for word and in their order. Needs no model provider and no network.',
  params,
  timeoutMs: 60_000,
  async run({ text, count }) {
    const { readDoc, its } = await loadLanguage();
    const doc = readDoc(text);
    const all: string[] = doc.sentences().out();
    const ranked = rankSentences(doc.out(its.sentenceWiseImportance), all.length);
    const picked = ranked.slice(0, count).sort((a, b) => a - b);
    const sentences = picked.map((index) => (all[index] ?? '').trim()).filter((sentence) => sentence !== '');
    return { outputs: { content: sentences.join(' '), sentences } };
  },
};

/** Indexes of sentences, the most important first; earlier ones first where nothing tells them apart. */
function rankSentences(importances: unknown, count: number): number[] {
  const scores = new Map<number, number>();
  if (Array.isArray(importances)) for (const { index, importance } of importances) scores.set(index, importance);
  const indexes = Array.from({ length: count }, (_, index) => index);
  return indexes.sort((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0));
}
