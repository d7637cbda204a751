/** Bugs in schedules: slots that run twice, or pass without a word. */
import type { Mutant } from './mutant.ts';

const test = 'test/engine/schedules.test.ts';

export const schedulesMutants: Mutant[] = [
  {
    name: 'the cursor falls when a schedule changes after the clock was set back',
    breaks: 'SD1',
    file: 'src/engine/schedule-book.ts',
    find: 'Math.max(now, toMs(known.cursor))',
    replace: 'now',
    test,
  },
];
