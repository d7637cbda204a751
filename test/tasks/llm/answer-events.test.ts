/**
 * Goal: a model's stream reaches the client as whole events, however its text is cut and its lines end, and a stream that is
 * none is bounded. Method: text in the test's hands, whole and character by character.
 */
import { describe, expect, it } from 'vitest';
import { createAnswerEvents } from '../../../src/tasks/llm/answer-events.ts';

class Refused extends Error {}

function open() {
  return createAnswerEvents((most) => {
    throw new Refused(`more than ${most}`);
  });
}

/** What the client gets of this text, given in pieces of `length`. */
function read(text: string, length = text.length): { events: string; isLast: boolean } {
  const answer = open();
  let events = '';
  for (let at = 0; at < text.length; at += length) {
    const added = answer.add(text.slice(at, at + length));
    events += added.events;
    if (added.isLast) return { events, isLast: true };
  }
  return { events, isLast: false };
}

describe('LW5: the data of each event, and nothing else, is passed on', () => {
  it.each([
    [
      'names, ids, times and comments',
      ': hi\nevent: thread.x\nid: 1\nretry: 5\ndata: {"a":1}\n\n',
      'data: {"a":1}\n\n',
    ],
    ['a name without a colon or a space', 'event\nevent:x\ndata:1\n\n', 'data: 1\n\n'],
    ['CRLF', 'data: 1\r\n\r\ndata: 2\r\n\r\n', 'data: 1\n\ndata: 2\n\n'],
    ['CR', 'data: 1\r\rdata: 2\r\r\n', 'data: 1\n\ndata: 2\n\n'],
    ['data of several lines', 'data: {"a":\ndata:  1}\n\n', 'data: {"a":\ndata:  1}\n\n'],
    ['an empty event', 'event: x\n\n\n\ndata: 1\n\n', 'data: 1\n\n'],
    ['an event that the end has cut', 'data: 1\n\ndata: 2\n', 'data: 1\n\n'],
    ['a field of another kind', 'other: x\ndata: 1\n\n', 'data: 1\n\n'],
  ])('%s', (_name, text, events) => {
    for (const length of [text.length, 1, 3]) expect(read(text, length)).toEqual({ events, isLast: false });
  });
});

describe('the last event', () => {
  it.each(['\n\n', '\r\n\r\n', '\r\r', '\n', '\r\n', '\r', ' \n'])('is seen with %j after it', (end) => {
    const text = `data: 1\n\ndata: [DONE]${end}`;
    for (const length of [text.length, 1]) {
      const { events, isLast } = read(text, length);
      expect([events.replace(' \n', '\n'), isLast]).toEqual(['data: 1\n\ndata: [DONE]\n\n', true]);
    }
  });

  it.each(['data: [DONE]', 'data: "[DONE]"\n\n', 'data: x [DONE]\n\n', 'event: [DONE]\n\n', ': data: [DONE]\n\n'])(
    'is not %j',
    (text) => {
      expect(read(text).isLast).toBe(false);
      expect(read(text, 1).isLast).toBe(false);
    },
  );
});

describe('a stream that is none', () => {
  it('is refused when too many of its lines belong to no event', () => {
    expect(read('x: y\n'.repeat(1_000))).toEqual({ events: '', isLast: false });
    expect(() => read('x: y\n'.repeat(1_001))).toThrow(Refused);
    expect(() => read('<p>\n'.repeat(1_001), 7)).toThrow(Refused);
  });
});
