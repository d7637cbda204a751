// Goal: the queue file is a plain JSON array that anyone may read, and nothing in its place can hurt.
import fs from 'node:fs';
import path from 'node:path';
import { JSONFile } from 'lowdb/node';
import { expect, test } from 'vitest';
import type { QueueItem } from '../../src/contract/store.ts';
import { createDataDir, listQuarantine, open } from './data-dir.ts';
import { createFaultDisk } from './fault-disk.ts';

function item(nodeId: string): QueueItem {
  return { workflow_id: 'w', node_id: nodeId, action: 'noop', status: 'PENDING', attempt: 1, queued_at: 'now' };
}

test('the queue file is what lowdb reads too: an indented array of jobs, [] when idle', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  await store.writeQueue([item('a'), item('b')], { durable: false });
  expect(await new JSONFile(dir.queueStateFile).read()).toEqual([item('a'), item('b')]);
  expect(fs.readFileSync(dir.queueStateFile, 'utf8')).toContain('\n    "workflow_id": "w",\n');
  await store.writeQueue([], { durable: false });
  expect(fs.readFileSync(dir.queueStateFile, 'utf8')).toBe('[]\n');
});

test('the text is made before the call returns, and a later call does not change it', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  let read = 0;
  const items = Array.from({ length: 3 }, () => ({ ...item('a'), toJSON: () => ({ node_id: `read ${++read}` }) }));
  const writes = [store.writeQueue(items, { durable: false })];
  expect(read).toBe(3);
  writes.push(store.writeQueue(items, { durable: false }));
  expect(read).toBe(6);
  await Promise.all(writes);
  const { node_id } = JSON.parse(fs.readFileSync(dir.queueStateFile, 'utf8'))[0];
  expect([node_id, read]).toEqual(['read 4', 6]);
});

test('what stands in the file is found by the next life', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  await store.writeQueue([item('a')], { durable: true });
  await store.close();
  expect((await open(dir)).found.queueItems).toEqual([item('a')]);
});

test('writes end in call order, and only durable ones are synced', async () => {
  const dir = createDataDir();
  const { disk, operations } = createFaultDisk(() => undefined);
  const store = await open(dir, { disk });
  operations.length = 0;
  const writes = [1, 2, 3, 4].map((count) =>
    store.writeQueue(
      Array.from({ length: count }, () => item('a')),
      { durable: count === 2 },
    ),
  );
  await Promise.all(writes);
  expect(JSON.parse(fs.readFileSync(dir.queueStateFile, 'utf8'))).toHaveLength(4);
  expect(operations.filter((operation) => operation.name.startsWith('fsync'))).toHaveLength(2);
});

test('a write that fails rejects its own caller and no other', async () => {
  const dir = createDataDir();
  const { disk } = createFaultDisk((operation) => {
    if (operation.name === 'rename' && fs.existsSync(`${dir.root}/refuse`)) throw new Error('refused');
    return undefined;
  });
  const store = await open(dir, { disk });
  fs.writeFileSync(`${dir.root}/refuse`, '');
  await expect(store.writeQueue([item('a')], { durable: false })).rejects.toThrow('refused');
  fs.rmSync(`${dir.root}/refuse`);
  await store.writeQueue([item('b')], { durable: false });
  expect(JSON.parse(fs.readFileSync(dir.queueStateFile, 'utf8'))).toEqual([item('b')]);
});

test.each([
  ['half a document', '[{"workflow_id":'],
  ['an object', '{}'],
  ['nothing', ''],
  ['no UTF-8', Buffer.from([0x5b, 0xff, 0x5d])],
])('a queue file with %s counts as empty and is kept aside', async (_what, bytes) => {
  const dir = createDataDir();
  fs.writeFileSync(dir.queueStateFile, bytes);
  const store = await open(dir);
  expect(store.found.queueItems).toEqual([]);
  expect(store.found.notices.map((notice) => notice.kind)).toEqual(['quarantine']);
  const kept = path.join(dir.quarantineDir, String(listQuarantine(dir)[0]), 'queue-state.json');
  expect(fs.readFileSync(kept).equals(Buffer.from(bytes))).toBe(true);
});

test('a queue file in a directory that does not exist yet is made, one behind a link is replaced where it lies', async () => {
  const dir = createDataDir();
  const queueStateFile = path.join(dir.root, 'a', 'b', 'queue.json');
  const store = await open(dir, { queueStateFile });
  expect(fs.readFileSync(queueStateFile, 'utf8')).toBe('[]\n');
  await store.close();
  const link = path.join(dir.root, 'link.json');
  fs.symlinkSync(queueStateFile, link);
  const linked = await open(dir, { queueStateFile: link });
  await linked.writeQueue([item('a')], { durable: false });
  expect(JSON.parse(fs.readFileSync(queueStateFile, 'utf8'))).toEqual([item('a')]);
  expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
});
