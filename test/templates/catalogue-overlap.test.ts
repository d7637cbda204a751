/**
 * Goal: a call that arrives while another one reads the directory still sees what changed before it (TC1), and such
 * calls share one reading. Method: the directory listing is held back until the test lets it go.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createTemplateCatalogue } from '../../src/templates/catalogue.ts';

const held = vi.hoisted(() => ({ listed: () => {}, letGo: Promise.resolve(), count: 0 }));
vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>();
  const listHeld = async (dir: string) => {
    const names = await original.readdir(dir);
    held.count += 1;
    held.listed();
    await held.letGo;
    return names;
  };
  return { ...original, readdir: listHeld };
});

test('a call during another sees what changed before it, and shares its reading with others', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hybrid-templates-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const catalogue = createTemplateCatalogue(dir);
  let letGo = () => {};
  held.letGo = new Promise((resolve) => {
    letGo = resolve;
  });
  const listed = new Promise<void>((resolve) => {
    held.listed = resolve;
  });
  const first = catalogue.list();
  await listed;
  await writeFile(join(dir, 'a.yaml'), 'id: a\nname: A\nsteps: [{id: s, action: noop}]\n');
  const later = [catalogue.get('a'), catalogue.get('a'), catalogue.get('a')];
  letGo();
  expect(await first).toEqual([]);
  expect((await Promise.all(later)).map((template) => template?.name)).toEqual(['A', 'A', 'A']);
  expect(held.count).toBe(2);
});
