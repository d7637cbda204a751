/** A stream of server-sent events as the engine's events. */
import { createParser } from 'eventsource-parser';
import type { EngineEvent, EventGap, TokenEvent } from '../contract/event.ts';

type ServerEvent = EngineEvent | EventGap | TokenEvent;

/** Characters of one event. A step's whole text so far, with every character escaped, takes 1.5 Mi. */
const eventLengthMax = 4 * 1024 * 1024;

/** Ends with the stream. Comments and fields other than `data` say nothing that the data does not. */
export async function* readServerEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let events: ServerEvent[] = [];
  const parser = createParser({
    maxBufferSize: eventLengthMax,
    onEvent: ({ data }) => void events.push(JSON.parse(data) as ServerEvent),
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded')
        throw new Error(`the server has sent an event of more than ${eventLengthMax} characters`);
    },
  });
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* events;
    events = [];
  }
}
