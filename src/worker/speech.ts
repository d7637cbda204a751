/**
 * What one attempt says of its text while it makes it, on its way out of its thread.
 *
 *   SP1  at most one piece leaves in each pause, the first at once: a model that streams a word at a time costs the
 *        coordinator some twenty messages a second, fewer where many speak at once;
 *   SP2  no piece holds a secret of the job or the beginning of one; joined they are what the outputs will hold. A text that
 *        breaks off is told up to where a secret may have begun;
 *   SP3  after `liveTextLengthMax` characters it says that it says no more.
 */
import type { Said } from '../contract/job.ts';
import { limits } from '../contract/limits.ts';
import { createPieceRedaction } from './redaction.ts';

type Piece = Omit<Said, 'jobId'>;

export interface Speech {
  say(text: string): void;
  /** The rest leaves at once, and nothing after it. `isWhole`: what looks like the beginning of a secret was none, the text ends there. */
  end(isWhole: boolean): void;
}

const pauseMs = 50;
/** In this thread. With a thousand of them each leaves a piece a second, which is what a coordinator can bear. */
let speakers = 0;

export function createSpeech(secrets: Readonly<Record<string, string>>, send: (piece: Piece) => void): Speech {
  const redaction = createPieceRedaction(secrets);
  let timer: NodeJS.Timeout | undefined;
  let waiting = '';
  let room = limits.liveTextLengthMax;
  let isOver = false;

  function leave(): void {
    timer = undefined;
    if (waiting === '') return;
    const text = waiting.slice(0, room);
    const isCut = text.length < waiting.length;
    waiting = '';
    room -= text.length;
    send({ text, isCut });
    if (isCut) close();
    else timer = setTimeout(leave, Math.max(pauseMs, speakers));
  }

  function close(): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    speakers -= 1;
  }

  speakers += 1;
  return {
    say(text) {
      if (isOver) return;
      waiting += redaction.add(text);
      if (timer === undefined) leave();
    },
    end(isWhole) {
      if (isOver) return;
      clearTimeout(timer);
      if (isWhole) waiting += redaction.rest();
      leave();
      close();
    },
  };
}
