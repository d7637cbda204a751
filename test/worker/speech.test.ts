/**
 * Goal: what an attempt says leaves its thread in few pieces, whole, without secrets and bounded (SP1–SP3). Method: a clock
 * that the test moves.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { createSpeech } from '../../src/worker/speech.ts';

const key = 'sk-canary-0123456789abcdef';
let pieces: { at: number; text: string; isCut: boolean }[];
const joined = () => pieces.map(({ text }) => text).join('');
const start = (secrets: Record<string, string> = {}) => createSpeech(secrets, (piece) => void pieces.push(piece));

beforeEach(() => {
  pieces = [];
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

describe('SP1', () => {
  it('the first piece leaves at once, what follows together', () => {
    const speech = start();
    speech.say('one ');
    expect(pieces).toEqual([{ at: 0, text: 'one ', isCut: false }]);
    speech.say('two ');
    speech.say('three');
    expect(pieces.length).toBe(1);
    vi.advanceTimersByTime(50);
    expect(pieces.slice(1)).toEqual([{ at: 4, text: 'two three', isCut: false }]);
    speech.end(true);
  });

  it('a thousand words a second are some twenty pieces', () => {
    const speech = start();
    for (let word = 0; word < 1_000; word += 1) {
      speech.say(`${word} `);
      vi.advanceTimersByTime(1);
    }
    speech.end(true);
    expect(joined()).toBe(Array.from({ length: 1_000 }, (_, word) => `${word} `).join(''));
    expect(pieces.length).toBeLessThanOrEqual(21);
    expect(pieces.length).toBeGreaterThan(10);
  });

  it('two hundred who speak at once leave a fifth of their pieces each, and their number is known when they have ended', () => {
    const speeches = Array.from({ length: 200 }, () => start());
    for (let turn = 0; turn < 100; turn += 1) {
      for (const speech of speeches) speech.say('x');
      vi.advanceTimersByTime(10);
    }
    // One at once and one every 200 ms of the second: at the most 6 each, where 21 would be allowed alone.
    expect(pieces.length).toBeLessThanOrEqual(200 * 6);
    for (const speech of speeches) speech.end(true);
    expect(joined().length).toBe(200 * 100);
    pieces = [];
    const alone = start();
    alone.say('a');
    alone.say('b');
    vi.advanceTimersByTime(50);
    expect(joined()).toBe('ab');
    alone.end(true);
  });

  it('says the rest at the end, and nothing after it', () => {
    const speech = start();
    speech.say('one ');
    speech.say('two');
    speech.end(true);
    speech.say('three');
    speech.end(true);
    vi.runAllTimers();
    expect(joined()).toBe('one two');
  });
});

describe('SP2', () => {
  it('a secret that comes letter by letter never leaves, nor its beginning', () => {
    const speech = start({ CHAT_API_KEY: key });
    for (const letter of `Your key is ${key}. Keep it.`) {
      speech.say(letter);
      vi.advanceTimersByTime(50);
      expect(joined()).not.toContain('sk-');
    }
    speech.end(true);
    expect(joined()).toBe('Your key is [secret CHAT_API_KEY]. Keep it.');
  });

  it('of a text that breaks off within one its beginning is not told', () => {
    const speech = start({ CHAT_API_KEY: key });
    speech.say('Your key is sk-canary-01');
    speech.end(false);
    expect(joined()).toBe('Your key is ');
  });

  it('what only began like one is told in the end', () => {
    const speech = start({ CHAT_API_KEY: key });
    speech.say('sk-can');
    expect(joined()).toBe('');
    speech.end(true);
    expect(joined()).toBe('sk-can');
  });
});

it('SP3: after the bound it says that it says no more', () => {
  const speech = start();
  speech.say('x'.repeat(limits.liveTextLengthMax - 1));
  speech.say('yz');
  vi.advanceTimersByTime(50);
  speech.say('more');
  speech.end(true);
  vi.runAllTimers();
  expect(pieces.map(({ text, isCut }) => [text.length, isCut])).toEqual([
    [limits.liveTextLengthMax - 1, false],
    [1, true],
  ]);
  expect(joined().endsWith('xy')).toBe(true);
});
