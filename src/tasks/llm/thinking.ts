/**
 * Thinking that a model writes into its answer's text, before the answer: `<think>…</think>` and its like, or the
 * channels of gpt-oss. Servers leave it there when no parser of theirs knows the model.
 *
 * Guarantees:
 *   TK1  only thinking at the front is taken out; the same marks further on are part of the answer;
 *   TK2  no character is lost: the text without the thinking, or the whole text where the thinking has no end;
 *   TK3  a text that comes in pieces is split where the whole text would be.
 */

import { FinalChannel, splitChannels } from './channels.ts';

/** As the models' own templates write them: DeepSeek and Qwen, Gemini, Magistral, Kimi, Seed. */
const marks: readonly (readonly [opening: string, closing: string])[] = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['<thought>', '</thought>'],
  ['<reasoning>', '</reasoning>'],
  ['<seed:think>', '</seed:think>'],
  ['[THINK]', '[/THINK]'],
  ['◁think▷', '◁/think▷'],
];
const closingAlone = '</think>';

export interface SplitText {
  readonly text: string;
  readonly thinking: string;
  /** The thinking has begun and not ended. */
  readonly isOpen: boolean;
}

/** Of a whole text. */
export function splitThinking(whole: string): SplitText {
  const channels = splitChannels(whole);
  if (channels !== undefined) return { ...channels, isOpen: !channels.isFinal };
  const begun = whole.trimStart();
  const mark = marks.find(([opening]) => startsWith(begun, opening));
  if (mark === undefined) return splitAtClosing(whole);
  const [opening, closing] = mark;
  const end = indexOf(begun, closing, opening.length);
  if (end === -1) return { text: whole, thinking: begun.slice(opening.length).trim(), isOpen: true };
  return {
    text: begun.slice(end + closing.length).trimStart(),
    thinking: begun.slice(opening.length, end).trim(),
    isOpen: false,
  };
}

/** Templates that write the opening mark themselves leave the closing one alone in the answer, on a line of its own. */
function splitAtClosing(whole: string): SplitText {
  const end = whole.indexOf(closingAlone);
  const isAlone =
    end !== -1 &&
    !whole.includes('<think>') &&
    whole.indexOf(closingAlone, end + 1) === -1 &&
    /(?:^|\n)[ \t]*$/.test(whole.slice(Math.max(0, end - 100), end)) &&
    /^[ \t]*(?:\r?\n|$)/.test(whole.slice(end + closingAlone.length, end + closingAlone.length + 100));
  if (!isAlone) return { text: whole, thinking: '', isOpen: false };
  return {
    text: whole.slice(end + closingAlone.length).trimStart(),
    thinking: whole.slice(0, end).trim(),
    isOpen: false,
  };
}

export interface TextAfterThinking {
  /** Returns what belongs to the answer; '' while that is not known. */
  add(piece: string): string;
  /** What was held back and turned out to be the answer. */
  rest(): string;
}

/** For those who follow a text: what of each piece is the answer. A closing mark alone is seen in the whole text only. */
export function createTextAfterThinking(): TextAfterThinking {
  let held: string | null = '';
  let opened: readonly [string, string] | undefined;
  let searched = 0;
  let isAfter = false;
  let channel: FinalChannel | undefined;
  const pass = (text: string): string => {
    const rest = isAfter ? text.trimStart() : text;
    if (rest !== '') isAfter = false;
    return rest;
  };
  return {
    add(piece) {
      if (channel !== undefined) return channel.add(piece);
      if (held === null) return pass(piece);
      held += piece;
      if (opened === undefined && FinalChannel.begins(held)) {
        channel = new FinalChannel();
        return channel.add(held);
      }
      if (opened === undefined) {
        const begun = held.trimStart();
        opened = marks.find(([opening]) => startsWith(begun, opening));
        if (opened === undefined) {
          if (marks.some(([opening]) => startsWith(opening, begun.slice(0, opening.length)))) return '';
          if (FinalChannel.begins(held) === undefined) return '';
          const all = held;
          held = null;
          return all;
        }
      }
      const closing = opened[1];
      const end = indexOf(held, closing, searched);
      searched = Math.max(0, held.length - closing.length);
      if (end === -1) return '';
      const after = held.slice(end + closing.length);
      held = null;
      isAfter = true;
      return pass(after);
    },
    rest() {
      if (channel !== undefined) return channel.rest();
      const left = opened === undefined ? (held ?? '') : '';
      held = null;
      return left;
    },
  };
}

function startsWith(text: string, mark: string): boolean {
  return text.slice(0, mark.length).toLowerCase() === mark.toLowerCase();
}

/** Without regard to case; the marks keep their length in either case. */
function indexOf(text: string, mark: string, from: number): number {
  const exact = text.indexOf(mark, from);
  return exact !== -1 ? exact : text.indexOf(mark.toUpperCase(), from);
}
