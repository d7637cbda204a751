// Goal: a replace shows the old file or the new one, and says "durable" only when it is.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { DiskFailedError, DiskFullError } from '../../src/contract/store.ts';
import type { Disk } from '../../src/store/disk.ts';
import { replaceFile, replaceFileSync } from '../../src/store/durable-file.ts';
import { createDataDir } from './data-dir.ts';
import { createFaultDisk, diskError } from './fault-disk.ts';

const ways = [
  [
    'asynchronous',
    (disk: Disk, file: string, text: string, durable: boolean) =>
      replaceFile(disk, file, Buffer.from(text), { durable }),
  ],
  [
    'synchronous',
    async (disk: Disk, file: string, text: string, durable: boolean) =>
      replaceFileSync(disk, file, Buffer.from(text), { durable }),
  ],
] as const;

function setUp(): { root: string; file: string } {
  const { root } = createDataDir();
  const file = path.join(root, 'document');
  fs.writeFileSync(file, 'old');
  return { root, file };
}

test.each(ways)(
  'a durable replace syncs the file before the rename and the directory behind it (%s)',
  async (_way, replace) => {
    const { root, file } = setUp();
    const { disk, operations } = createFaultDisk(() => undefined);
    await replace(disk, file, 'new', true);
    const names = operations.map((operation) => operation.name.replace('Sync', ''));
    expect(names).toEqual(['open', 'write', 'fsync', 'close', 'rename', 'fsyncDirectory']);
    expect(fs.readFileSync(file, 'utf8')).toBe('new');
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(root)).toEqual(['document']);
  },
);

test.each(ways)('a plain replace writes in full and renames, without a sync (%s)', async (_way, replace) => {
  const { file } = setUp();
  const { disk, operations } = createFaultDisk((operation) => (operation.name.startsWith('write') ? 1 : undefined));
  await replace(disk, file, 'new', false);
  expect(operations.filter((operation) => operation.name.startsWith('fsync'))).toEqual([]);
  expect(fs.readFileSync(file, 'utf8')).toBe('new');
});

test.each(ways)('a full disk leaves the old file and no temp file (%s)', async (_way, replace) => {
  const { root, file } = setUp();
  for (const failing of ['open', 'write', 'rename']) {
    const { disk } = createFaultDisk((operation) => {
      if (operation.name.replace('Sync', '') === failing) throw diskError('ENOSPC');
      return undefined;
    });
    await expect(replace(disk, file, 'new', true)).rejects.toThrow(DiskFullError);
    expect(fs.readFileSync(file, 'utf8')).toBe('old');
    expect(fs.readdirSync(root)).toEqual(['document']);
  }
});

test.each(ways)(
  'a failed sync is a failed disk whatever its code says, and the old file stands (%s)',
  async (_way, replace) => {
    const { file } = setUp();
    const { disk, operations } = createFaultDisk((operation) => {
      if (operation.name.replace('Sync', '') === 'fsync') throw diskError('ENOSPC');
      return undefined;
    });
    await expect(replace(disk, file, 'new', true)).rejects.toThrow(DiskFailedError);
    expect(operations.filter((operation) => operation.name.replace('Sync', '') === 'fsync')).toHaveLength(1);
    expect(fs.readFileSync(file, 'utf8')).toBe('old');
  },
);

test.each(ways)('a failed sync of the directory is a failed disk too (%s)', async (_way, replace) => {
  const { file } = setUp();
  const { disk } = createFaultDisk((operation) => {
    if (operation.name.startsWith('fsyncDirectory')) throw diskError('EIO');
    return undefined;
  });
  await expect(replace(disk, file, 'new', true)).rejects.toThrow(DiskFailedError);
});
