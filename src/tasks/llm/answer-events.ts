/**
 * The events of a model's streamed answer, rewritten for the client: whole events, their data alone. Names, ids and comments
 * mean nothing in such a stream, and the client prints what it cannot read of events with certain names.
 */
import { createParser } from 'eventsource-parser';

/** For each line the parser looks for both kinds of line end in all it was given: short pieces keep that cheap. */
const pieceLengthMax = 1_024;
/** The parser makes an Error, with its stack, of each line that is no field of an event. */
const foreignLinesMax = 1_000;

/** `refuse` throws: the stream holds too many lines that belong to no event. */
export function createAnswerEvents(refuse: (foreignLinesMax: number) => never) {
  let whole = '';
  let isLast = false;
  let foreignLines = 0;
  /** The latest characters: enough to see a last event that lacks its empty line. */
  let tail = '';
  const parser = createParser({
    onEvent({ data }) {
      whole += `data: ${data.replaceAll('\n', '\ndata: ')}\n\n`;
      isLast ||= data.trim() === '[DONE]';
    },
    onError() {
      foreignLines += 1;
      if (foreignLines > foreignLinesMax) refuse(foreignLinesMax);
    },
  });
  return {
    /** The events that this text completes; `isLast` once they hold the one after which nothing of an answer comes. */
    add(text: string): { events: string; isLast: boolean } {
      whole = '';
      for (let at = 0; at < text.length; at += pieceLengthMax) parser.feed(text.slice(at, at + pieceLengthMax));
      tail = (tail + text).slice(-32);
      if (/(^|[\r\n])data: ?\[DONE\]\s*[\r\n]$/.test(tail)) parser.feed('\n\n');
      return { events: whole, isLast };
    },
  };
}
