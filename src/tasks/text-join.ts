/** `text_join`: texts as one, such as the answers of a map that the next prompt reads. */
import { z } from 'zod';
import type { Task } from '../contract/task.ts';

/** As many items as a map can have, and more. */
const textsMax = 100_000;

const item = z.union([z.string(), z.null(), z.looseObject({ content: z.string() })]);

const params = z.strictObject({
  texts: z.array(item).max(textsMax).meta({
    description:
      'The texts in order, at most 100,000. An object with a `content` that is a text, such as an item of a map, is read by it; null, an item that failed, is left out.',
  }),
  separator: z.string().max(1_000).default('\n\n').meta({
    description: 'What stands between two texts, at most 1,000 characters; an empty line when not given.',
  }),
});

export const textJoin: Task<z.infer<typeof params>> = {
  action: 'text_join',
  lane: 'cpu',
  description:
    'Joins a list of texts into one. Objects with a `content`, such as the gathered items of a map, are read by it; null is left out.',
  params,
  timeoutMs: 60_000,
  run({ texts, separator }, { log }) {
    const absent = texts.flatMap((text, i) => (text === null ? [i] : []));
    if (absent.length > 0) log(`Left out ${absent.length} of ${texts.length} texts, which are null: ${list(absent)}`);
    const present = texts.flatMap((text) => (text === null ? [] : [typeof text === 'string' ? text : text.content]));
    return { outputs: { content: present.join(separator) } };
  },
};

function list(places: readonly number[]): string {
  const shown = places.slice(0, 20).map((i) => `texts[${i}]`);
  return places.length > shown.length ? `${shown.join(', ')}, …` : shown.join(', ');
}
