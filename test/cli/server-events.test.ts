/** Goal: events are read however the bytes are cut. Method: a stream that gives its bytes one by one, or as it is told. */
import { expect, test } from 'vitest';
import { readServerEvents } from '../../src/cli/server-events.ts';

async function* inPieces(bytes: Uint8Array, length = 1): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function read(text: string | Uint8Array, length?: number): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const event of readServerEvents(inPieces(Buffer.from(text), length))) events.push(event);
  return events;
}

test('letters, line ends and events may be cut anywhere; what is not finished at the end is left out', async () => {
  const text =
    ': ping\n\nid: 1\ndata: {"kind":"x",\ndata: "n":"é"}\r\n\r\ndata: {"kind":"gap"}\n\ndata: {"kind":"cut"}\n';
  const events = [{ kind: 'x', n: 'é' }, { kind: 'gap' }];
  for (const length of [1, 2, 5, 1_000]) expect(await read(text, length)).toEqual(events);
});

test('a byte order mark, lines that end in CR, and fields of other names say nothing', async () => {
  const text = '\ufeffretry: 2000\revent: x\rretry: soon\rother: y\rdata:{"kind":"x"}\r\r\n: bye\n\n';
  for (const length of [1, 1_000]) expect(await read(text, length)).toEqual([{ kind: 'x' }]);
});

test('bytes that are no UTF-8 are replaced, and the events after them are read', async () => {
  const text = Buffer.concat([Buffer.from('data: {"kind":"'), Buffer.from([0xe2, 0x82]), Buffer.from('"}\n\n')]);
  expect(await read(Buffer.concat([text, Buffer.from('data: {"kind":"y"}\n\n')]))).toEqual([
    { kind: '\ufffd' },
    { kind: 'y' },
  ]);
});

test('an event that is no JSON ends the reading with an error', async () => {
  await expect(read('data: {"kind\n\n')).rejects.toThrow(SyntaxError);
});

test.each([
  ['a line', 'x'],
  ['the data of an event', 'data: x\n'],
])('%s without an end is refused at its bound, and one below it is read', async (_name, part) => {
  let given = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    const chunk = Buffer.from(part.repeat(64 * 1024));
    // Far beyond the bound; a reader that has none comes to an end here.
    while (given < 8 * part.length * 1024 * 1024) {
      given += chunk.length;
      yield chunk;
    }
  }
  const reading = readServerEvents(endless()).next();
  await expect(reading).rejects.toThrow(/more than 4194304 characters/);
  expect(given).toBeLessThan(5 * part.length * 1024 * 1024);
  const large = 'x'.repeat(4 * 1024 * 1024 - 100);
  expect(await read(`data: {"kind":"${large}"}\n\n`, 64 * 1024)).toEqual([{ kind: large }]);
});
