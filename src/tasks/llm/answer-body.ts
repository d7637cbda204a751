/**
 * The bytes of a model's answer: as one JSON value, or as the events of a stream, whichever was asked for and whichever
 * came.
 *
 * Guarantees (LW1 and LW3 are those of wire.ts):
 *   LW2  at most `answerBytesMax` of an answer are read, counted after decompression;
 *   LW4  a stream is whole with its `[DONE]`, whatever its connection does afterwards;
 *   LW5  the client gets whole events, their data alone; a stream with too many lines of another kind is refused;
 *   LW6  an answer in the other form than the one asked for is read all the same: what it says decides, not its type;
 *   LW7  bytes that are not valid UTF-8 become U+FFFD, and `isRepaired` says so;
 *   LW8  only an answer that was cut on its way fails as one that may be asked for again (`NETWORK`). One that came to its
 *        end is read around what does not belong to it, or fails for good: it has been paid for.
 */
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { TaskFailure } from '../../contract/task.ts';
import { decodeBody } from '../http/read-body.ts';
import { createAnswerEvents } from './answer-events.ts';
import { findValueEnd, parseAnswerJson } from './answer-json.ts';
import { cutToBytes } from './kept-answer.ts';

export const answerBytesMax = 16 * 1024 * 1024;

/** From an answer's last event to the end of its response, which has usually arrived already. */
const endWaitMs = 100;

interface AnsweredResponse {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/** How an answer's text begins when it is a stream of events: a field's name, or a comment. */
const eventStart = /^\ufeff?\s*(?:data|event|id|retry|error)?:/;
/** Enough to tell a stream from JSON, and JSON from a page. */
const startLengthMin = 8;

export class AnswerBody {
  readonly #response: AnsweredResponse;
  readonly #label: string;
  #isRepaired = false;
  #isWhole = false;
  #isBroken = false;

  /** `label` names the server in failures. */
  constructor(response: AnsweredResponse, label: string) {
    this.#response = response;
    this.#label = label;
  }

  /** True once a byte was met that is not valid UTF-8. */
  get isRepaired(): boolean {
    return this.#isRepaired;
  }

  /** True once the answer has said that it is over, or has come as one JSON value. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** True once a piece of the answer was met that was meant to be JSON and is none. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** The whole answer as a JSON value; a stream of events as the list of their data. */
  async json(): Promise<unknown> {
    const decoder = new TextDecoder();
    const parts: string[] = [];
    for await (const chunk of this.#bytes()) parts.push(this.#decode(decoder, chunk));
    parts.push(this.#decode(decoder));
    return this.#toJson(parts.join(''));
  }

  /** Server-sent events as text, each piece holding whole ones. */
  async *events(): AsyncGenerator<Buffer> {
    const decoder = new TextDecoder();
    const answer = this.#createEvents();
    const pieces = this.#bytes();
    let start: string | null = '';
    for await (const bytes of pieces) {
      let text = this.#decode(decoder, bytes);
      if (start !== null) {
        start += text;
        if (start.trimStart().length < startLengthMin) continue;
        if (!this.#isStream(start)) return yield* this.#wholeAsEvents(start, pieces, decoder);
        text = start;
        start = null;
      }
      const { events, isLast } = answer.add(text);
      if (events !== '') yield Buffer.from(events);
      if (isLast) {
        this.#isWhole = true;
        return await this.#letEnd(pieces);
      }
    }
    // An event that the end has cut is dropped.
    this.#decode(decoder);
    if (start !== null && start.trim() !== '' && !this.#isStream(start)) {
      yield* this.#wholeAsEvents(start, pieces, decoder);
    }
  }

  /** What calls itself a stream is one unless it begins as JSON does; of anything else, what it begins with decides. */
  #isStream(start: string): boolean {
    if (eventStart.test(start)) return true;
    const type = this.#response.headers['content-type'];
    return (type === undefined || /^text\/event-stream\b/i.test(type)) && !/^\ufeff?\s*[[{]/.test(start);
  }

  async *#wholeAsEvents(
    start: string,
    pieces: AsyncGenerator<Buffer>,
    decoder: TextDecoder,
  ): AsyncGenerator<Buffer, void> {
    const parts = [start];
    for await (const bytes of pieces) parts.push(this.#decode(decoder, bytes));
    const answer = this.#toJson(parts.join(''));
    for (const chunk of Array.isArray(answer) ? answer : [answer]) {
      yield Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
    }
    yield Buffer.from('data: [DONE]\n\n');
  }

  /** One JSON value; one a line; or the data of events. Each may end with the `[DONE]` of a stream. */
  #toJson(text: string): unknown {
    const body = text.trim();
    if (body === '') {
      throw new TaskFailure('NETWORK', `the answer of ${this.#label} is empty, without even JSON`);
    }
    // A server that keeps a connection open with the comments of a stream may end it with JSON.
    const said = body.replace(/^(?::[^\n]*\n\s*)+(?=[[{])/, '');
    if (eventStart.test(said)) return this.#toEventData(said);
    const json = said.replace(/\s*data: ?\[DONE\]$/, '');
    const value = parseAnswerJson(json) ?? toLines(json) ?? withoutEpilogue(json);
    if (value !== undefined) {
      this.#isWhole = true;
      return value.value;
    }
    throw this.#toUnreadable(json, text);
  }

  #toUnreadable(json: string, text: string): TaskFailure {
    const isJson = /^[[{]/.test(json);
    if (isJson && findValueEnd(json) === -1) {
      return new TaskFailure('NETWORK', `the answer of ${this.#label} is cut JSON, of ${json.length} characters`);
    }
    const type = toMediaType(this.#response.headers['content-type']);
    const what = isJson ? 'JSON that has a fault in it' : `${type} that is no JSON; is this the API's address?`;
    return new TaskFailure('ANSWER_INVALID', `${this.#label} answered ${what}`, {
      metadata: { answer: { content: cutToBytes(text), characters: text.length } },
    });
  }

  #toEventData(body: string): unknown[] {
    const { events, isLast } = this.#createEvents().add(`${body}\n\n`);
    const data = events
      .split('\n\n')
      .map((event) => event.replace(/^data: /gm, ''))
      .filter((event) => event !== '' && event !== '[DONE]')
      .map((event) => JSON.parse(event) as unknown);
    this.#isWhole = isLast;
    return data;
  }

  #createEvents() {
    return createAnswerEvents(
      (most) => this.#refuseForeignLines(most),
      () => {
        this.#isBroken = true;
      },
    );
  }

  async *#bytes(): AsyncGenerator<Buffer> {
    const { headers, body } = this.#response;
    let bytes = 0;
    for await (const chunk of decodeBody(body, headers['content-encoding']) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > answerBytesMax) {
        throw new TaskFailure(
          'OUTPUT_TOO_LARGE',
          `the answer of ${this.#label} is longer than ${answerBytesMax} bytes, the most that is read`,
        );
      }
      yield chunk;
    }
  }

  /** A connection that ends its answer can be used again; one that is kept open after it is closed. */
  async #letEnd(pieces: AsyncGenerator<Buffer>): Promise<void> {
    const timer = setTimeout(() => this.#response.body.destroy(), endWaitMs);
    try {
      await pieces.next();
    } catch {
      // Whatever becomes of the connection, the answer is whole.
    } finally {
      clearTimeout(timer);
    }
  }

  /** The decoder drops the byte order mark that some servers begin with. Without bytes, it gives what it still holds. */
  #decode(decoder: TextDecoder, bytes?: Buffer): string {
    const text = bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    this.#isRepaired ||= text.includes('\ufffd');
    return text;
  }

  #refuseForeignLines(most: number): never {
    throw new TaskFailure(
      'ANSWER_INVALID',
      `${this.#label} was asked for a stream of events, and more than ${most} lines of its answer belong to none`,
    );
  }
}

/** Some servers stream a JSON value a line. */
function toLines(text: string): { value: unknown[] } | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length < 2 || !lines.every((line) => line.startsWith('{'))) return undefined;
  const values = lines.map(parseAnswerJson);
  return values.includes(undefined) ? undefined : { value: values.map((parsed) => parsed?.value) };
}

/** A value with words behind it that are none, such as the comment of a proxy. */
function withoutEpilogue(text: string): { value: unknown } | undefined {
  const end = /^[[{]/.test(text) ? findValueEnd(text) : -1;
  return end === -1 || /[[{]/.test(text.slice(end)) ? undefined : parseAnswerJson(text.slice(0, end));
}

function toMediaType(contentType: string | undefined): string {
  return /^[\w.+-]{1,60}\/[\w.+-]{1,60}/.exec(contentType ?? '')?.[0] ?? 'a text';
}
