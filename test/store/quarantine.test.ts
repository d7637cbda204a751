// Goal: what is set aside stays, with its reason; nothing there is overwritten or kept twice.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { DiskFullError } from '../../src/contract/store.ts';
import { createNodeDisk, type Disk } from '../../src/store/disk.ts';
import { Quarantine } from '../../src/store/quarantine.ts';
import { createDataDir, type DataDir, listQuarantine } from './data-dir.ts';
import { createFaultDisk, diskError } from './fault-disk.ts';

function setUp(disk: Disk = createNodeDisk()): { dir: DataDir; quarantine: Quarantine } {
  const dir = createDataDir();
  fs.mkdirSync(dir.engineDir, { recursive: true });
  return { dir, quarantine: new Quarantine(disk, dir.quarantineDir, () => new Date('2026-01-31T12:00:00Z')) };
}

test('kept bytes lie in a directory named by time and name, beside a reason', () => {
  const { quarantine } = setUp();
  const entry = quarantine.keep('odd.json', Buffer.from('bytes'), 'because');
  expect(path.basename(entry)).toBe('2026-01-31T12-00-00.000Z-odd.json');
  expect(fs.readFileSync(path.join(entry, 'odd.json'), 'utf8')).toBe('bytes');
  expect(JSON.parse(fs.readFileSync(path.join(entry, 'reason.json'), 'utf8'))).toMatchObject({
    file: 'odd.json',
    reason: 'because',
    bytes: 5,
    at: '2026-01-31T12:00:00.000Z',
  });
});

test('the same bytes under the same name are kept once, other bytes beside them', () => {
  const { dir, quarantine } = setUp();
  const first = quarantine.keep('odd', Buffer.from('1'), 'r');
  expect(quarantine.keep('odd', Buffer.from('1'), 'r')).toBe(first);
  expect(quarantine.keep('odd', Buffer.from('2'), 'r')).not.toBe(first);
  expect(quarantine.keep('another-odd', Buffer.from('1'), 'r')).not.toBe(first);
  expect(listQuarantine(dir)).toHaveLength(3);
  expect(fs.readFileSync(path.join(first, 'odd'), 'utf8')).toBe('1');
});

test('an entry that a crash left without reason does not count as kept', () => {
  const { quarantine } = setUp();
  const first = quarantine.keep('odd', Buffer.from('1'), 'r');
  fs.rmSync(path.join(first, 'reason.json'));
  expect(quarantine.keep('odd', Buffer.from('1'), 'r')).not.toBe(first);
});

test('files, links and directories are moved as they are, twice the same name too', () => {
  const { dir, quarantine } = setUp();
  const file = path.join(dir.root, 'state.json');
  fs.writeFileSync(file, 'a');
  const first = quarantine.move(file, 'w-state.json', 'r');
  fs.symlinkSync('/nowhere', file);
  const second = quarantine.move(file, 'w-state.json', 'r');
  fs.mkdirSync(file);
  const third = quarantine.move(file, 'w-state.json', 'r');
  expect(new Set([first, second, third]).size).toBe(3);
  expect(fs.existsSync(file)).toBe(false);
  expect(fs.readFileSync(path.join(first, 'state.json'), 'utf8')).toBe('a');
  expect(fs.readlinkSync(path.join(second, 'state.json'))).toBe('/nowhere');
  expect(fs.statSync(path.join(third, 'state.json')).isDirectory()).toBe(true);
});

test('what is kept is durable: file, reason, entry and quarantine', () => {
  const { disk, operations } = createFaultDisk(() => undefined);
  const { dir, quarantine } = setUp(disk);
  const entry = quarantine.keep('odd', Buffer.from('1'), 'r');
  const synced = operations
    .filter((operation) => operation.name.startsWith('fsync'))
    .map((operation) => operation.path);
  expect(synced).toEqual([
    dir.engineDir,
    path.join(entry, 'odd'),
    path.join(entry, 'reason.json'),
    entry,
    dir.quarantineDir,
  ]);
});

test('a full disk is reported as such', () => {
  const { disk } = createFaultDisk((operation) => {
    if (operation.name === 'writeSync') throw diskError('ENOSPC');
    return undefined;
  });
  expect(() => setUp(disk).quarantine.keep('odd', Buffer.from('1'), 'r')).toThrow(DiskFullError);
});
