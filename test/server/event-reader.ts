/** Reads server-sent events one by one, as a browser's EventSource would see them. */
import { type ClientRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';

export interface ReceivedEvent {
  event: string;
  id: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect and fail where it is not there.
  data: any;
}

export interface EventReader {
  status: number;
  headers: IncomingHttpHeaders;
  /** The next event; null when the stream has ended. */
  next(): Promise<ReceivedEvent | null>;
  /** The first `id:` without data: where the stream begins. */
  began: Promise<string>;
  /** Comments seen so far. */
  comments(): number;
  /** Resolves when the stream has ended, whoever ended it. */
  ended: Promise<void>;
  leave(): void;
}

export function openEvents(port: number, path: string, headers: OutgoingHttpHeaders = {}): Promise<EventReader> {
  return new Promise((resolve, reject) => {
    const call: ClientRequest = request({ host: '127.0.0.1', port, path, headers, agent: false });
    call.on('error', reject);
    call.on('response', (response) => {
      const blocks: ReceivedEvent[] = [];
      const waiting: (() => void)[] = [];
      let text = '';
      let comments = 0;
      let begin: (id: string) => void = () => {};
      const began = new Promise<string>((done) => {
        begin = done;
      });
      let isOver = false;
      const wake = () => {
        for (const each of waiting.splice(0)) each();
      };
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        const parts = text.split('\n\n');
        text = parts.pop() ?? '';
        for (const part of parts) {
          const fields = new Map(
            part.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
          );
          if (fields.has('')) comments += 1;
          const data = fields.get('data');
          if (data === undefined) {
            if (fields.has('id')) begin(fields.get('id') ?? '');
            continue;
          }
          blocks.push({ event: fields.get('event') ?? '', id: fields.get('id') ?? '', data: JSON.parse(data) });
        }
        wake();
      });
      const ended = new Promise<void>((done) => {
        response.on('close', () => {
          isOver = true;
          wake();
          done();
        });
      });
      response.on('error', () => {});
      resolve({
        began,
        status: response.statusCode ?? 0,
        headers: response.headers,
        async next() {
          for (;;) {
            const block = blocks.shift();
            if (block !== undefined) return block;
            if (isOver) return null;
            await new Promise<void>((again) => waiting.push(again));
          }
        },
        comments: () => comments,
        ended,
        leave: () => call.destroy(),
      });
    });
    call.end();
  });
}
