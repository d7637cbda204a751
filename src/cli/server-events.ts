/** A stream of server-sent events as the engine's events. */
import type { EngineEvent, EventGap, TokenEvent } from '../contract/event.ts';

type ServerEvent = EngineEvent | EventGap | TokenEvent;

/** Ends with the stream. Comments and fields other than `data` say nothing that the data does not. */
export async function* readServerEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(5));
      if (line !== '' || data.length === 0) continue;
      yield JSON.parse(data.join('\n')) as ServerEvent;
      data = [];
    }
  }
}
