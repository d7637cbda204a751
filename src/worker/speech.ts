/**
 * Sends the text of one attempt out of its thread, in pieces, while the attempt produces it.
 *
 *   SP1  the first piece leaves at once, then at most one in each pause. A model that streams a word at a time costs
 *        the coordinator some twenty messages a second, fewer when many attempts speak at once;
 *   SP2  no piece holds a secret of the job or the beginning of one. Joined, the pieces are the text that the outputs
 *        will hold. A text that breaks off is sent up to where a secret may have begun;
 *   SP3  after `liveTextLengthMax` characters comes a last piece, marked `isCut`;
 *   SP4  each piece says how much of the text came before it, so that a lost one is noticed.
 */
import type { Said } from '../contract/job.ts';
import { limits } from '../contract/limits.ts';
import { createPieceRedaction } from './redaction.ts';

type Piece = Omit<Said, 'jobId'>;

export interface Speech {
  say(text: string): void;
  /**
   * Sends the rest at once, and nothing after it. `isWhole`: the text ends here, so its end is not the beginning of a
   * secret.
   */
  end(isWhole: boolean): void;
}

const pauseMs = 50;
/**
 * Attempts that speak in this thread. A thousand send one piece a second each, which is what a coordinator can bear.
 */
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
    const at = limits.liveTextLengthMax - room;
    const text = waiting.slice(0, room);
    const isCut = text.length < waiting.length;
    waiting = '';
    room -= text.length;
    send({ at, text, isCut });
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
