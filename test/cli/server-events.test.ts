/** Goal: events are read however the bytes are cut. Method: a stream that gives one byte at a time. */
import { expect, test } from 'vitest';
import { readServerEvents } from '../../src/cli/server-events.ts';

async function* oneByOne(text: string): AsyncGenerator<Uint8Array> {
  for (const byte of Buffer.from(text)) yield Uint8Array.of(byte);
}

test('letters, line ends and events may be cut anywhere; what is not finished at the end is left out', async () => {
  const events: unknown[] = [];
  const text =
    ': ping\n\nid: 1\ndata: {"kind":"x",\ndata: "n":"é"}\r\n\r\ndata: {"kind":"gap"}\n\ndata: {"kind":"cut"}\n';
  for await (const event of readServerEvents(oneByOne(text))) events.push(event);
  expect(events).toEqual([{ kind: 'x', n: 'é' }, { kind: 'gap' }]);
});
