// Goal: a line of the journal is exactly what the head of record.ts says, and its chain breaks on any change.
import { expect, test } from 'vitest';
import { crcMatches, createRecordHead, RecordEncoder, readRecordHead } from '../../src/store/record.ts';

function encode(...payloads: string[]): Buffer {
  const encoder = new RecordEncoder();
  encoder.start(7);
  for (const [index, json] of payloads.entries()) encoder.add(index + 1, 1, 0, json);
  return Buffer.from(encoder.bytes.subarray(0, encoder.length));
}

test('a record is one line of fixed-width hex fields and its JSON', () => {
  expect(encode('{"a":1}').toString()).toMatch(/^HJ1 0000000001 00000001 0000000000 00000007 [0-9a-f]{8} \{"a":1\}\n$/);
});

test('the length counts bytes, not characters', () => {
  const head = createRecordHead();
  expect(readRecordHead(encode('"é€😀"'), 0, head)).toBe(true);
  expect(head.length).toBe(11);
});

test('the largest numbers that the fields hold are read back, and one more is refused', () => {
  const encoder = new RecordEncoder();
  const head = createRecordHead();
  const [seq, batch] = [16 ** 10 - 1, 16 ** 8 - 1];
  encoder.start(0);
  encoder.add(seq, batch, seq, '{}');
  expect(readRecordHead(encoder.bytes, 0, head)).toBe(true);
  expect(head).toMatchObject({ seq, batch, acked: seq, length: 2 });
  expect(() => encoder.add(seq + 1, batch, seq, '{}')).toThrow(/more than 10 hex/);
  expect(() => encoder.add(seq, batch + 1, seq, '{}')).toThrow(/more than 8 hex/);
});

test('records of any size are encoded whole, also beyond the room kept between batches', () => {
  const large = JSON.stringify('é'.repeat(5_000_000));
  const bytes = encode('1', large, '2');
  const head = createRecordHead();
  expect(readRecordHead(bytes, 55, head)).toBe(true);
  expect(bytes.toString('utf8', 55 + 53, 55 + 53 + head.length)).toBe(large);
  expect(readRecordHead(bytes, 55 + 54 + head.length, head)).toBe(true);
});

test('a record that follows another one does not match behind any other', () => {
  const bytes = encode('1', '2');
  const head = createRecordHead();
  readRecordHead(bytes, 0, head);
  const firstCrc = head.crc;
  expect(crcMatches(bytes, 0, head, 7)).toBe(true);
  expect(crcMatches(bytes, 0, head, 8)).toBe(false);
  readRecordHead(bytes, 55, head);
  expect(crcMatches(bytes, 55, head, firstCrc)).toBe(true);
  expect(crcMatches(bytes, 55, head, 7)).toBe(false);
});

test('a payload with a line break is refused, for it would be no line', () => {
  expect(() => encode('{\n}')).toThrow('line break');
});

test('upper-case hex is not what we write', () => {
  const bytes = encode('"abc"');
  const text = bytes.toString().replace(/ ([0-9a-f]{8}) "/, (whole) => whole.toUpperCase());
  const head = createRecordHead();
  const isChanged = text !== bytes.toString();
  expect(readRecordHead(Buffer.from(text), 0, head)).toBe(!isChanged);
});
