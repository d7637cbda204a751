/**
 * Goal: damaged files cost their own workflows and no other (B3, R3, G9). Method: a hundred unfinished workflows on real
 * files of which the journal tells no more; ten of the files are damaged in ten ways; the other ninety run to their end.
 */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { end, live } from '../coordinator/restarts.ts';
import { expectRefusal } from '../engine/running-engine.ts';
import type { EngineDir } from '../fixtures/engine-dir.ts';

type Way = (file: string, otherFile: string) => void;

const ways: Record<string, Way> = {
  empty: (file) => fs.writeFileSync(file, ''),
  zeros: (file) => fs.writeFileSync(file, Buffer.alloc(fs.statSync(file).size)),
  truncated: (file) => fs.truncateSync(file, fs.statSync(file).size >> 1),
  'another id': (file) =>
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(/"id": "[0-9a-f]{4}/, '"id": "ffff')),
  "another workflow's file": (file, otherFile) => fs.copyFileSync(otherFile, file),
  'JSON of another shape': (file) => fs.writeFileSync(file, '{"id": 7, "steps": {"in": "waiting"}}\n'),
  // The zeros behind it take no room on the disk, but are read.
  '200 MB': (file) => fs.truncateSync(file, 200_000_000),
  'a link': (file, otherFile) => {
    fs.rmSync(file);
    fs.symlinkSync(otherFile, file);
  },
  'a directory': (file) => {
    fs.rmSync(file);
    fs.mkdirSync(path.join(file, 'inside'), { recursive: true });
  },
  unreadable: (file) => fs.chmodSync(file, 0o000),
};
/** Root may read everything, and so finds nothing wrong. */
const harmless = process.getuid?.() === 0 ? ['unreadable'] : [];

function keptOf(dir: EngineDir, id: string): string[] {
  return dir.quarantined().filter((name) => name.endsWith(`-${id}-state.json`));
}

test('of a hundred workflows ten are damaged in ten ways, and the others run to their end', async () => {
  const first = await live();
  const { dir } = first;
  const steps = [
    { id: 'in', action: 'external_data' },
    { id: 'a', action: 'noop', dependencies: ['in'] },
  ];
  const ids: string[] = [];
  for (let number = 0; number < 100; number += 1) ids.push((await first.engine.submit({ name: 'one', steps })).id);
  await end(first);
  // One more checkpoint takes the journal's second chance away.
  const second = await live(dir);
  await second.coordinator.parts.checkpoints.make();
  await end(second);

  const names = Object.keys(ways);
  const damaged = new Map(names.map((name, n) => [ids[n * 10 + 3] as string, name]));
  const files = [...damaged.keys()].map((id) => dir.stateFile(id));
  // Another's file that is newer than what is known of this one is the harder to tell.
  for (const [n, name] of names.entries()) ways[name]?.(files[n] as string, dir.stateFile(ids[n * 10 + 6] as string));

  const third = await live(dir);
  const { engine } = third;
  const health = (await engine.health()).notices.join('\n');
  for (const id of ids) {
    const way = damaged.get(id);
    if (way === undefined || harmless.includes(way)) {
      await engine.externalData(id, { step_id: 'in', content: `for ${id}` });
      const { workflow } = await engine.finished(id);
      expect(workflow).toMatchObject({ status: 'COMPLETED', warnings: [] });
      expect(workflow.steps[0]?.outputs).toMatchObject({ content: `for ${id}` });
    } else {
      await expectRefusal(engine.get(id), 'SET_ASIDE', /set aside/);
      expect(keptOf(dir, id), way).toHaveLength(1);
      expect(health).toContain(id);
    }
  }
  expect((await engine.stats()).set_aside).toBe(10 - harmless.length);
});
