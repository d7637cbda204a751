/**
 * The models that golden data asks: answers depend on the prompt alone, so that the engine of any year gets the same.
 * A prompt with "hold" is answered when the test lets it, one with "refuse" never, one with "once more" at the second call,
 * or at the first one of a reader, for whom that is the second.
 */
import type { ServerResponse } from 'node:http';
import * as faults from '../stand-in/faults.ts';
import type { Behaviour, Call } from '../stand-in/stand-in.ts';

/** A step that asks them. */
export const ask = (id: string, prompt: string, rest: object = {}) => ({
  id,
  action: 'openai_chat',
  params: { prompt },
  retry: { attemptsMax: 2, backoffMs: 1 },
  ...rest,
});

export class Models {
  readonly #isReader: boolean;
  #isHolding = true;
  readonly #held: { response: ServerResponse; call: Call }[] = [];
  readonly #asked = new Set<string>();
  #wakes: (() => void)[] = [];

  constructor({ isReader }: { isReader: boolean }) {
    this.#isReader = isReader;
  }

  /** Resolves when this many calls wait for their answer. */
  async untilHeld(count: number): Promise<void> {
    while (this.#held.length < count) await new Promise<void>((resolve) => this.#wakes.push(resolve));
  }

  /** Answers every call that waits, and holds no more. */
  release(): void {
    this.#isHolding = false;
    for (const { response, call } of this.#held.splice(0)) {
      response.writeHead(200, { 'content-type': 'application/json' });
      const message = { role: 'assistant', content: contentFor(promptOf(call)) };
      const usage = { prompt_tokens: 40, completion_tokens: 10, total_tokens: 50 };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      response.end(
        JSON.stringify({ id: 'chatcmpl-held', object: 'chat.completion', model: call.model, choices, usage }),
      );
    }
  }

  /** For the stand-in. */
  answer(call: Call): Behaviour {
    const prompt = promptOf(call);
    const isFirst = !this.#isReader && !this.#asked.has(prompt);
    this.#asked.add(prompt);
    if (prompt.includes('refuse'))
      return faults.status(400, { error: { message: 'no', type: 'invalid_request_error' } });
    if (prompt.includes('once more') && isFirst) return faults.status(503);
    if (prompt.includes('hold') && this.#isHolding) {
      return (response) => {
        this.#held.push({ response, call });
        for (const wake of this.#wakes.splice(0)) wake();
      };
    }
    return { content: contentFor(prompt) };
  }
}

function promptOf({ body }: Call): string {
  const messages = body.messages as { content: string }[];
  return messages.map(({ content }) => content).join('\n');
}

function contentFor(prompt: string): string {
  return `Answer to: ${prompt}`;
}
