/**
 * A model's streamed answer, rewritten for the OpenAI client: whole events, with their data only. Names, ids and
 * comments mean nothing in such a stream, and the client prints events with certain names when it cannot read them.
 */
import { createParser } from 'eventsource-parser';
import { toValidJson } from './answer-json.ts';

/** For each line the parser searches its whole input for CR and for LF: short inputs keep that cheap. */
const pieceLengthMax = 1_024;
/** The parser makes an Error, with its stack, for each line that is no field of an event. */
const foreignLinesMax = 1_000;

/** What a proxy writes to keep a connection open: `ping`. JSON that has begun may hold a part of the answer. */
const isBrokenJson = (text: string) => /^[[{]/.test(text);

/**
 * `refuse` is called, and throws, when too many lines of the stream belong to no event. `onBroken` hears of each event that
 * was meant to be JSON and is none; words that are no JSON are left out.
 */
export function createAnswerEvents(refuse: (foreignLinesMax: number) => never, onBroken: () => void = () => {}) {
  let whole = '';
  let isLast = false;
  let foreignLines = 0;
  /** The latest characters: enough to recognise `data: [DONE]` without the empty line that ends an event. */
  let tail = '';
  const parser = createParser({
    onEvent({ event, data }) {
      const text = data.trim();
      if (text === '') return;
      if (text === '[DONE]') {
        isLast = true;
        whole += 'data: [DONE]\n\n';
        return;
      }
      if (event === 'error') {
        whole += `data: {"error":${toJson(data)}}\n\n`;
        return;
      }
      const json = toValidJson(data);
      if (json !== undefined) whole += `data: ${json.replaceAll('\n', '\ndata: ')}\n\n`;
      else if (isBrokenJson(text)) onBroken();
    },
    onError({ field, value }) {
      // llama.cpp and LM Studio name an error inside a stream in a field of that name.
      if (field === 'error' && value) {
        whole += `data: {"error":${toJson(value)}}\n\n`;
        return;
      }
      foreignLines += 1;
      if (foreignLines > foreignLinesMax) refuse(foreignLinesMax);
    },
  });
  return {
    /** The events that this text completes. `isLast` is true once `[DONE]` is among them: the answer is over. */
    add(text: string): { events: string; isLast: boolean } {
      whole = '';
      for (let at = 0; at < text.length; at += pieceLengthMax) parser.feed(text.slice(at, at + pieceLengthMax));
      tail = (tail + text).slice(-32);
      if (/(^|[\r\n])data: ?\[DONE\]\s*[\r\n]$/.test(tail)) parser.feed('\n\n');
      return { events: whole, isLast };
    },
  };
}

function toJson(value: string): string {
  try {
    const said: unknown = JSON.parse(value);
    const isWrapped = typeof said === 'object' && said !== null && 'error' in said;
    return JSON.stringify(isWrapped ? said.error : said);
  } catch {
    return JSON.stringify(value);
  }
}
