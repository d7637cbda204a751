/**
 * The bytes of a model's answer: read whole, or as the events of a stream.
 *
 * Guarantees (LW1 and LW3 are those of wire.ts):
 *   LW2  at most `answerBytesMax` of an answer are read, counted after decompression;
 *   LW4  a stream is whole with its `[DONE]`, whatever its connection does afterwards;
 *   LW5  the client gets whole events, their data alone; a stream with too many lines of another kind is refused.
 */
import type { Readable } from 'node:stream';
import { TaskFailure } from '../../contract/task.ts';
import { decodeBody } from '../http/read-body.ts';
import { createAnswerEvents } from './answer-events.ts';

export const answerBytesMax = 16 * 1024 * 1024;

/** From an answer's last event to the end of its response, which has usually arrived already. */
const endWaitMs = 100;

interface AnsweredResponse {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

export class AnswerBody {
  readonly #response: AnsweredResponse;
  readonly #label: string;

  /** `label` names the server in failures. */
  constructor(response: AnsweredResponse, label: string) {
    this.#response = response;
    this.#label = label;
  }

  /** The whole answer. The decoder drops the byte order mark that some servers begin with. */
  async text(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.#bytes()) chunks.push(chunk);
    return this.#decode(() => new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  }

  /** Server-sent events as text, each piece holding whole ones. */
  async *events(): AsyncGenerator<Buffer> {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    const answer = createAnswerEvents((most) => this.#refuseForeignLines(most));
    const pieces = this.#bytes();
    for await (const bytes of pieces) {
      const { events, isLast } = answer.add(this.#decode(() => decoder.decode(bytes, { stream: true })));
      if (events !== '') yield Buffer.from(events);
      if (isLast) return await this.#letEnd(pieces);
    }
    // An event that the end has cut is dropped; a character that it has cut is a fault.
    this.#decode(() => decoder.decode());
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

  #decode(read: () => string): string {
    try {
      return read();
    } catch {
      throw new TaskFailure('ANSWER_INVALID', `the answer of ${this.#label} is not valid UTF-8`);
    }
  }

  #refuseForeignLines(most: number): never {
    throw new TaskFailure(
      'ANSWER_INVALID',
      `${this.#label} was asked for a stream of events, and more than ${most} lines of its answer belong to none`,
    );
  }
}
