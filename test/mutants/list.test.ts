// Goal: the list of planted bugs stays alive while the code it points at changes. Running them is `npm run mutants`.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { mutants } from './list.ts';

const read = (file: string) => fs.readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');

test.each(mutants.map((mutant) => [mutant.name, mutant] as const))('%s can be planted', (_name, mutant) => {
  expect(read(mutant.file).split(mutant.find)).toHaveLength(2);
  expect(mutant.replace).not.toBe(mutant.find);
  // Names made of a table's rows hold more than stands in the file; their words must be there all the same.
  for (const word of mutant.only?.split(' ') ?? []) expect(read(mutant.test)).toContain(word);
});

test('each has a name of its own', () => {
  const names = mutants.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
