/** Goal: socket files of dead owners hold nobody up (OS2). Method: a directory, and a listing that is out of date. */
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createNodeDisk, type Disk } from '../../src/store/disk.ts';
import { holdOwnerSocket } from '../../src/store/owner-socket.ts';

const disk = createNodeDisk();

function newDirectory(nameLength = 0): string {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'hs-')));
  onTestFinished(() => fs.rmSync(root, { recursive: true, force: true }));
  const directory = path.join(root, 'd'.repeat(Math.max(1, nameLength - root.length - 1)));
  fs.mkdirSync(directory);
  return directory;
}

const names = (directory: string) => fs.readdirSync(directory).sort();

/** Its first listing names a socket that its owner has taken away since. */
function late(): Disk {
  let listings = 0;
  return {
    ...disk,
    readDirectorySync(directory) {
      listings += 1;
      const entries = disk.readDirectorySync(directory);
      return listings === 1 ? [...entries, { name: 'owner-7.sock', kind: 'other' as const }] : entries;
    },
  };
}

test.skipIf(process.platform === 'win32')(
  'OS2: a socket whose owner has just ended in good order is free',
  async () => {
    const directory = newDirectory();
    const held = await holdOwnerSocket(late(), directory);
    expect(held).not.toBeNull();
    expect(held).not.toBe('taken');
    expect(names(directory)).toEqual(['owner-8.sock']);
    if (held !== null && held !== 'taken') await held.close();
    expect(names(directory)).toEqual([]);
  },
);

test.skipIf(process.platform === 'win32')(
  'OS1, OS2: who listens is the owner, and a file that nobody listens on goes',
  async () => {
    const directory = newDirectory();
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(path.join(directory, 'owner-3.sock'), () => resolve()));
    expect(await holdOwnerSocket(disk, directory)).toBe('taken');
    // Killed: its file stays.
    fs.linkSync(path.join(directory, 'owner-3.sock'), path.join(directory, 'kept'));
    await new Promise((resolve) => server.close(resolve));
    fs.renameSync(path.join(directory, 'kept'), path.join(directory, 'owner-3.sock'));
    const held = await holdOwnerSocket(disk, directory);
    expect(names(directory)).toEqual(['owner-4.sock']);
    expect(await holdOwnerSocket(disk, directory)).toBe('taken');
    if (held !== null && held !== 'taken') await held.close();
  },
);

// `owner-9007199254740991.sock` has 27 characters, and the kernel takes 107 bytes.
test.skipIf(process.platform !== 'linux').each([79, 80])('a directory of %d bytes has a socket', async (length) => {
  const directory = newDirectory(length);
  expect(directory.length).toBe(length);
  const opened: string[] = [];
  const watched: Disk = {
    ...disk,
    openSync(file, flags) {
      opened.push(file);
      return disk.openSync(file, flags);
    },
  };
  const held = await holdOwnerSocket(watched, directory);
  // A longer path goes through a handle of the directory.
  expect([names(directory), opened]).toEqual([['owner-1.sock'], length === 79 ? [] : [directory]]);
  if (held !== null && held !== 'taken') await held.close();
});
