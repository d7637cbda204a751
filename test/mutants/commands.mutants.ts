/** Planted bugs of the command line's upkeep: `prune` and `doctor`. */
import type { Mutant } from './mutant.ts';

export const commandsMutants: readonly Mutant[] = [
  {
    name: 'prune stops at the first refusal',
    breaks: 'prune',
    file: 'src/cli/prune.ts',
    find: 'if (!(error instanceof Refusal)) throw error;',
    replace: 'throw error;',
    test: 'test/cli/prune.test.ts',
  },
  {
    name: 'prune ends with 0 where something was refused',
    breaks: 'prune',
    file: 'src/cli/prune.ts',
    find: 'refused.length === 0 ? exits.done : exits.failed',
    replace: 'exits.done',
    test: 'test/cli/prune.test.ts',
  },
  {
    name: 'prune does not look again for what a page has hidden',
    breaks: 'prune',
    file: 'src/cli/prune.ts',
    find: 'expired.length > 0; expired = await findOthers(tried)',
    replace: 'expired.length > 0; expired = []',
    test: 'test/cli/prune.test.ts',
  },
  {
    name: 'prune counts twice what two pages show',
    breaks: 'prune',
    file: 'src/cli/prune.ts',
    find: 'all.set(id, { id, updatedAt })',
    replace: 'all.set(id + all.size, { id, updatedAt })',
    test: 'test/cli/prune.test.ts',
  },
  {
    name: 'prune calls refused what somebody else has removed',
    breaks: 'prune',
    file: 'src/cli/prune.ts',
    find: "error.code === 'NOT_FOUND' ? 'gone' : error.detail",
    replace: 'error.detail',
    test: 'test/cli/prune.test.ts',
  },
  {
    name: 'doctor trips over a state.json that is null',
    breaks: 'doctor',
    file: 'src/cli/doctor.ts',
    find: '(file.value as { status?: unknown } | null)?.status',
    replace: '(file.value as { status: unknown }).status',
    test: 'test/cli/doctor-junk.test.ts',
  },
  {
    name: 'doctor calls sound what a start sets aside',
    breaks: 'doctor',
    file: 'src/cli/doctor.ts',
    find: 'else problems.push(`workflow',
    replace: 'else notes.push(`workflow',
    test: 'test/cli/doctor-junk.test.ts',
  },
  {
    name: 'doctor trips over a record that is no event',
    breaks: 'doctor',
    file: 'src/cli/doctor.ts',
    find: '| null)?.workflowId ?? null',
    replace: ').workflowId ?? null',
    test: 'test/cli/doctor.test.ts',
  },
];
