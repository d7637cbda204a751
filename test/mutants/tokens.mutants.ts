/** Bugs in the texts that running steps tell, and in what is kept out of them. */
import type { Mutant } from './mutant.ts';

const speech = 'test/pool/speech.test.ts';
const texts = 'test/coordinator/live-texts.test.ts';
const told = 'test/engine/texts.test.ts';

export const tokensMutants: Mutant[] = [
  {
    name: 'every word is a message of its own',
    breaks: 'SP1',
    file: 'src/pool/speech.ts',
    find: 'if (timer === undefined) leave();',
    replace: 'leave();',
    test: speech,
    only: 'a thousand words',
  },
  {
    name: 'a secret that comes in pieces is told',
    breaks: 'SP2',
    file: 'src/pool/speech.ts',
    find: 'waiting += redaction.add(text);',
    replace: 'waiting += redaction.add(text) + redaction.rest();',
    test: speech,
    only: 'letter by letter',
  },
  {
    name: 'a whole secret that overlaps the beginning of another is cut apart',
    breaks: 'SP2',
    file: 'src/pool/redaction.ts',
    find: 'if (at !== -1 && at < end && end < text.length) end = at;',
    replace: 'if (at === -2) end = at;',
    test: 'test/pool/redaction.test.ts',
    only: 'in pieces',
  },
  {
    name: 'what is said at the end is left out',
    breaks: 'SP2',
    file: 'src/pool/attempt.ts',
    find: 'speech?.end();',
    replace: 'void speech;',
    test: told,
    only: 'a text stands between',
  },
  {
    name: 'who comes late gets only what follows',
    breaks: 'LT1',
    file: 'src/coordinator/live-texts.ts',
    find: 'if (texts.length > 0) sink(',
    replace: 'if (texts.length < 0) sink(',
    test: texts,
    only: 'all there is in one piece',
  },
  {
    name: 'the bound of all texts is used up for ever',
    breaks: 'LT2',
    file: 'src/coordinator/live-texts.ts',
    find: 'this.#length -= this.#texts.get(speaker)?.text.length ?? 0;',
    replace: '',
    test: texts,
    only: 'finds it again',
  },
  {
    name: 'a stopped step goes on telling its text',
    breaks: 'LT3',
    file: 'src/coordinator/execution.ts',
    find: "if (flight.phase !== 'ended') flight.phase = 'cancelled';",
    replace: "if (flight.phase === 'preparing') flight.phase = 'cancelled';",
    test: told,
    only: 'of a step that was stopped',
  },
  {
    name: 'pieces that wait for a slow reader are not bounded',
    breaks: 'S3',
    file: 'src/coordinator/waiting-texts.ts',
    find: 'if (this.#length > limits.liveTextsWaitingMax) this.#leaveOut();',
    replace: '',
    test: texts,
    only: 'costs no more than its bound',
  },
  {
    name: 'a piece of text carries an id of its own',
    breaks: 'S2',
    file: 'src/server/event-stream.ts',
    find: 'void session.batch(createEventBuffer().event(event.kind).data(event).dispatch());',
    replace: 'session.push(event, event.kind);',
    test: 'test/server/token-events.test.ts',
    only: 'a streamed answer is told',
  },
];
