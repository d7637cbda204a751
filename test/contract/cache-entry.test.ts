/** Goal: an entry of the cache comes back as it was written, its outputs byte for byte; anything else is no entry. */
import { expect, test } from 'vitest';
import { type CacheEntry, readEntryJson, toEntryJson } from '../../src/contract/cache-entry.ts';

const entry: CacheEntry = {
  format: 1,
  action: 'chat',
  from: { workflow: 'w', step: 's', at: '2026-01-31T12:00:00.000Z' },
  metadata: { trap: { a: 1, outputs: { content: 'no' } }, text: ',"outputs":{}}' },
  metrics: null,
  outputsJson: '{"content":"yes","10":1,"2":{"outputs":{}},"text":",\\"outputs\\":"}',
};

test('what was written is read, where metadata and outputs look like the field itself too', () => {
  const json = toEntryJson(entry);
  expect(JSON.parse(json).outputs.content).toBe('yes');
  expect(readEntryJson(json)).toEqual(entry);
});

test.each(['', 'null', '{}', '{"format":1,"outputs":{}}', toEntryJson(entry).replace('"format":1', '"format":2')])(
  'no entry: %s',
  (json) => {
    expect(readEntryJson(json)).toBeNull();
  },
);
