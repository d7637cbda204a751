/** The English language model that the extractive text tasks share; it is part of the package and loads no file from elsewhere. */
import { z } from 'zod';

/** A second of work for 200,000 characters or so. */
export const analysedText = z
  .string()
  .max(1_000_000)
  .meta({ description: 'English text, at most 1,000,000 characters.' });

/** Making the language ready takes a third of a second: once a thread is enough. */
let loading: ReturnType<typeof load> | undefined;

async function load() {
  const [{ default: createNlp }, { default: model }] = await Promise.all([
    import('wink-nlp'),
    import('wink-eng-lite-web-model'),
  ]);
  return createNlp(model);
}

export function loadLanguage() {
  loading ??= load();
  return loading;
}
