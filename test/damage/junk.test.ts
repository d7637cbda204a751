/**
 * Goal: what does not belong into a data directory hinders nothing and is not ours to remove (B4); what a newer version
 * wrote is not ours to touch (B5, G21). Method: a directory that has one of everything, in memory, with something put into
 * it or taken out of it; a start; all of it held against what clients had been told.
 *
 * There is no older format than 1, and so nothing to upgrade from: a format file that says less is a damaged one.
 */
import { describe, expect, test } from 'vitest';
import { type Base, createBase } from './base-life.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { engineDir, openMemoryEngine, queueStateFile, root, workflowsDir } from './memory-engine.ts';
import { StillClock, settle } from './still-clock.ts';

const journal = `${engineDir}/journal`;
const some = Buffer.from('not ours');

interface Junk {
  files: (base: Base) => Record<string, Buffer>;
  /** Ours after all, and removed. */
  isSwept?: true;
}

const idOf = ({ told }: Base, name: string): string =>
  [...told].find(([, { workflow }]) => workflow.name === name)?.[0] ?? '';

const junk: Record<string, Junk> = {
  'temp files of a dead process': {
    files: (base) => ({
      [`${engineDir}/.checkpoint.json.4711.1.tmp`]: some,
      [`${root}/.queue-state.json.4711.2.tmp`]: some,
      [`${workflowsDir}/${idOf(base, 'waits')}/.state.json.4711.3.tmp`]: base.disk.read(queueStateFile),
    }),
    isSwept: true,
  },
  'what desktops leave': {
    files: (base) => ({
      [`${workflowsDir}/.DS_Store`]: some,
      [`${engineDir}/.DS_Store`]: some,
      [`${journal}/.DS_Store`]: some,
      [`${workflowsDir}/${idOf(base, 'waits')}/.DS_Store`]: some,
      [`${workflowsDir}/Thumbs.db`]: some,
    }),
  },
  'backups of editors': {
    files: (base) => ({
      [`${workflowsDir}/${idOf(base, 'waits')}/state.json~`]: some,
      [`${workflowsDir}/${idOf(base, 'waits')}/.state.json.swp`]: some,
      [`${workflowsDir}/${idOf(base, 'waits')}/#state.json#`]: some,
      [`${engineDir}/checkpoint.json.bak`]: some,
      [`${journal}/000002.hj~`]: base.disk.read(`${journal}/000002.hj`),
      [`${root}/queue-state.json.orig`]: some,
    }),
  },
  'a directory with the name of a copy': {
    files: (base) => ({ [`${workflowsDir}/${idOf(base, 'waits')} copy/state.json`]: some }),
  },
  'a segment under a second name': {
    files: (base) => ({ [`${journal}/000009.hj`]: base.disk.read(`${journal}/000002.hj`) }),
  },
  'an older segment under the name of the next one': {
    files: (base) => ({ [`${journal}/000003.hj`]: base.disk.read(`${journal}/000001.hj`) }),
  },
  'a file with the name of a segment': { files: () => ({ [`${journal}/000003.hj`]: some }) },
  'an empty file with the name of a segment': { files: () => ({ [`${journal}/000003.hj`]: Buffer.alloc(0) }) },
};

/** What nothing but its file tells of is taken in as found, which is a version of its own. */
async function expectAllTold(disk: MemoryDisk, base: Base, areTakenIn: readonly string[] = []): Promise<string[]> {
  const life = await openMemoryEngine(disk, { clock: new StillClock(10_000) });
  await settle();
  for (const [id, { workflow }] of base.told) {
    const now = (await life.engine.get(id)).workflow;
    if (workflow.status === 'RUNNING') {
      expect(now.steps[0]).toEqual(workflow.steps[0]);
      continue;
    }
    const { version, updatedAt, warnings } = areTakenIn.includes(id) ? now : workflow;
    expect(now).toEqual({ ...workflow, version, updatedAt, warnings });
  }
  expect((await life.engine.list()).total).toBe(base.told.size);
  expect(life.fatal).toEqual([]);
  return (await life.engine.health()).notices;
}

/** Workflows that were born or changed behind the checkpoint. */
function laterOf(told: Base['told']): string[] {
  return [...told].flatMap(([id, { workflow }]) => (/after the|^waits$|chain/.test(workflow.name) ? [id] : []));
}

describe('B4: junk in the directory', () => {
  test.each(Object.entries(junk))('%s', async (_, { files, isSwept }) => {
    const base = await createBase('crash');
    const disk = base.disk.clone();
    const put = files(base);
    for (const [file, bytes] of Object.entries(put)) disk.put(file, bytes);
    const notices = await expectAllTold(disk, base);
    // A torn tail is told of, and its bytes are kept; the rest is worth a line in the log.
    for (const notice of notices) expect(notice).toMatch(/000003\.hj: the last 8 bytes.* a copy is in/);
    for (const [file, bytes] of Object.entries(put)) {
      const isGone = !disk.has(file);
      const keptAt = disk.files().filter((each) => each.startsWith(`${engineDir}/quarantine/`));
      const isKept = keptAt.some((each) => disk.read(each).equals(bytes));
      if (isSwept) expect(isGone).toBe(true);
      else expect(bytes.length === 0 || isKept || (!isGone && disk.read(file).equals(bytes)), file).toBe(true);
    }
    // And once more, with what that start has left.
    await expectAllTold(disk.clone(), base);
  });

  test.each(['crash', 'clean'] as const)(
    'a segment that is missing is reported where it is needed (%s)',
    async (end) => {
      const base = await createBase(end);
      const segments = base.disk.files().filter((file) => file.endsWith('.hj'));
      for (const [n, segment] of segments.entries()) {
        const disk = base.disk.clone();
        disk.remove(segment);
        // The oldest is the second chance. Without the other, files are all there is of what came after the manifest.
        const isNeeded = n > 0;
        const notices = await expectAllTold(disk, base, isNeeded && end === 'crash' ? laterOf(base.told) : []);
        const reported = notices.filter((notice) => notice.includes(segment.slice(engineDir.length + 1)));
        expect(reported).toHaveLength(isNeeded ? 1 : 0);
      }
    },
  );

  test('a segment that is missing in the middle is reported, and the files stand for what it held', async () => {
    const base = await createBase('crash');
    const disk = base.disk.clone();
    // Without its manifest the engine needs both segments, and a third one that follows on the second.
    const life = await openMemoryEngine(disk, { clock: new StillClock(10_000) });
    life.coordinator.parts.store.cut();
    await life.engine.submit({ name: 'in the third', steps: [{ id: 'in', action: 'external_data' }] });
    await settle();
    const told = new Map(base.told);
    for (const { id } of (await life.engine.list()).items) {
      const { workflow, json } = await life.engine.get(id);
      told.set(id, { workflow, json, again: null });
    }
    const image = disk.clone();
    const segments = image.files().filter((file) => file.endsWith('.hj'));
    expect(segments).toHaveLength(3);
    image.remove(segments[1] as string);
    const notices = await expectAllTold(image, { ...base, told }, laterOf(told));
    expect(notices.join('\n')).toMatch(/missing before journal\/000004\.hj/);
  });
});

test('G9: a file that is damaged in two lives one after the other is kept in both forms', async () => {
  const base = await createBase('crash');
  const waits = `${workflowsDir}/${idOf(base, 'waits')}/state.json`;
  for (const file of [waits, `${engineDir}/checkpoint.json`, queueStateFile]) {
    let disk = base.disk.clone();
    const forms = ['{"first', '{"second'].map((text) => Buffer.from(text));
    for (const form of forms) {
      disk = disk.clone();
      disk.put(file, form);
      // At the same moment of the clock, which names what is kept.
      await openMemoryEngine(disk, { clock: new StillClock(10_000) });
      await settle();
    }
    const kept = disk.files().filter((each) => each.startsWith(`${engineDir}/quarantine/`));
    for (const form of forms) expect(kept.filter((each) => disk.read(each).equals(form))).toHaveLength(1);
  }
});

describe('B5: formats', () => {
  const bytesOf = (disk: MemoryDisk) => disk.files().map((file) => [file, disk.read(file).toString('base64')]);

  test.each([3, 4, 9, 1_000_000])(
    'a directory of format %i is refused, and not a byte of it is changed',
    async (format) => {
      const base = await createBase('crash');
      base.disk.put(`${engineDir}/format.json`, Buffer.from(`{"format":${format},"createdAt":"2031-01-01"}\n`));
      const before = bytesOf(base.disk);
      const start = openMemoryEngine(base.disk, { withLock: true });
      await expect(start).rejects.toMatchObject({
        exitStatus: 1,
        message: expect.stringContaining(`has format ${format}`),
      });
      const lock = ([file]: string[]) => !file?.endsWith('/lock');
      expect(bytesOf(base.disk).filter(lock)).toEqual(before.filter(lock));
    },
  );

  test('a format file that says less is damaged: it is kept aside and written anew, and nothing else is lost', async () => {
    const base = await createBase('clean');
    const disk = base.disk.clone();
    disk.put(`${engineDir}/format.json`, Buffer.from('{"format":0}\n'));
    expect(await expectAllTold(disk, base)).toEqual([expect.stringContaining('format.json is damaged')]);
    expect(JSON.parse(disk.read(`${engineDir}/format.json`).toString())).toMatchObject({ format: 2 });
  });
});
