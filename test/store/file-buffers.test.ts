// Goal: large files are composed in the same memory, one after the other and never two in one. Method: buffers are counted.
import { expect, test } from 'vitest';
import { FileBuffers } from '../../src/store/file-buffers.ts';

const MiB = 1024 * 1024;

test('a file that grows from write to write takes one buffer until it has doubled', () => {
  const buffers = new FileBuffers();
  for (let bytes = MiB; bytes <= 2 * MiB; bytes += MiB / 4) buffers.giveBack(buffers.take(bytes));
  expect(buffers.made).toBe(1);
  buffers.giveBack(buffers.take(2 * MiB + 1));
  expect(buffers.made).toBe(2);
});

test('a buffer that is not given back yet is nobody else’s', () => {
  const buffers = new FileBuffers();
  buffers.giveBack(buffers.take(MiB));
  const [first, second] = [buffers.take(MiB), buffers.take(MiB)];
  expect(first.buffer === second.buffer).toBe(false);
  expect(buffers.made).toBe(2);
});

test('of two buffers the larger one is kept', () => {
  const buffers = new FileBuffers();
  const [small, large] = [buffers.take(MiB), buffers.take(3 * MiB)];
  buffers.giveBack(large);
  buffers.giveBack(small);
  expect(buffers.take(2 * MiB) === large).toBe(true);
});

test('a buffer for half of what is kept at most, or more, is used again too', () => {
  const buffers = new FileBuffers();
  for (const bytes of [20 * MiB, 24 * MiB, 32 * MiB]) buffers.giveBack(buffers.take(bytes));
  expect(buffers.made).toBe(1);
});

test('small buffers and very large ones are not kept', () => {
  const buffers = new FileBuffers();
  for (const bytes of [1_000, 40 * MiB]) {
    const buffer = buffers.take(bytes);
    expect(buffer.length).toBeGreaterThanOrEqual(bytes);
    buffers.giveBack(buffer);
    expect(buffers.take(bytes) === buffer).toBe(false);
  }
  expect(buffers.made).toBe(4);
});

test('a small file does not take the large buffer', () => {
  const buffers = new FileBuffers();
  const large = buffers.take(MiB);
  buffers.giveBack(large);
  expect(buffers.take(1_000).length).toBe(1_000);
  expect(buffers.take(MiB) === large).toBe(true);
});
