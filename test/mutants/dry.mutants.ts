/** Bugs in dry runs and in what stands in for a model. */
import type { Mutant } from './mutant.ts';

const anyChat = 'test/tasks/llm/any-chat.test.ts';
const dryRun = 'test/cli/dry-run.test.ts';

export const dryMutants: Mutant[] = [
  {
    name: 'a dry run calls whom it names',
    breaks: 'a dry run calls nobody',
    file: 'src/coordinator-main.ts',
    find: 'if (dryRun === undefined) return',
    replace: 'if (dryRun !== null) return',
    test: dryRun,
    only: 'opens no connection',
  },
  {
    name: 'a dry run lets a reference that leads nowhere pass',
    breaks: 'what has a known shape stays as it is',
    file: 'src/pool/dry-pool.ts',
    find: 'if (path[0] !== undefined && open.includes(path[0])) addMadeUpField',
    replace: 'addMadeUpField',
    test: dryRun,
    only: 'references into answers',
  },
  {
    name: 'a made-up answer is shorter than it would be',
    breaks: 'what later steps would send is reckoned too',
    file: 'src/tasks/llm/rehearse.ts',
    find: 'return head + filler',
    replace: 'return head || filler',
    test: dryRun,
    only: 'the summary has the waves',
  },
  {
    name: 'any_chat asks a provider that is not set up',
    breaks: 'otherwise stands in for a missing key',
    file: 'src/tasks/llm/any-chat.ts',
    find: '(secrets[keySetting] ?? secrets[baseUrlSetting]) !== undefined',
    replace: '(secrets[keySetting] ?? secrets[baseUrlSetting]) !== null',
    test: anyChat,
    only: 'gives the text of otherwise',
  },
  {
    name: 'any_chat passes its own params on to the provider',
    breaks: 'a provider gets what its action takes',
    file: 'src/tasks/llm/any-chat.ts',
    find: 'const asked = { ...rest,',
    replace: 'const asked = { ...rest, otherwise: __,',
    test: anyChat,
    only: 'passes nothing of its own on',
  },
  {
    name: 'a dry run asks conditions of made-up answers',
    breaks: 'a dry run shows every step that may run',
    file: 'src/coordinator/steps/preparations.ts',
    find: 'if (this.#options.dryRun !== undefined) return null;',
    replace: '',
    test: dryRun,
    only: 'conditions count as true',
  },
  {
    name: 'a dry run counts the calls of a loop once',
    breaks: 'the sums of a dry run are an upper bound',
    file: 'src/rehearsal/written-steps.ts',
    find: '    return (this.of(group).repeat?.max ?? 1) * this.timesOf(group);',
    replace: '    return this.timesOf(group);',
    test: dryRun,
    only: 'conditions count as true',
  },
  {
    name: 'a dry run sums what comes after a failure',
    breaks: 'what runs only after a failure is not summed',
    file: 'src/rehearsal/dry-summary.ts',
    find: 'renumber(all.filter(({ isSkipped }) => !isSkipped)',
    replace: 'renumber(all.filter(({ isSkipped }) => isSkipped || !isSkipped)',
    test: dryRun,
    only: 'conditions count as true',
  },
  {
    name: 'a dry run counts waves in which nothing happens',
    breaks: 'empty waves are left out',
    file: 'src/rehearsal/dry-summary.ts',
    find: 'wave: places.get(row.wave) ?? row.wave',
    replace: 'wave: row.wave',
    test: dryRun,
    only: 'groups make their steps',
  },
];
