/** Which tests stand for which folder: those that run its code in the test's own process, and take seconds. */
interface Area {
  readonly name: string;
  /** Folders and files that are changed. */
  readonly sources: readonly string[];
  /** A folder within them that is an area of its own. */
  readonly without?: string;
  /** Globs of the tests that may notice. */
  readonly tests: readonly string[];
}

const all = (folder: string) => `test/${folder}/**/*.test.ts`;

export const areas: readonly Area[] = [
  { name: 'core', sources: ['src/core'], tests: [all('core')] },
  {
    name: 'coordinator',
    sources: ['src/coordinator'],
    tests: [all('coordinator'), all('contract'), all('engine')],
  },
  { name: 'store', sources: ['src/store'], tests: [all('store'), all('contract')] },
  { name: 'templates', sources: ['src/templates'], tests: [all('templates')] },
  { name: 'pool', sources: ['src/pool', 'src/worker'], tests: [all('pool'), all('worker')] },
  { name: 'models', sources: ['src/tasks/llm'], tests: [all('tasks/llm')] },
  { name: 'tasks', sources: ['src/tasks'], without: 'src/tasks/llm', tests: [all('tasks')] },
  { name: 'server', sources: ['src/server'], tests: [all('server')] },
  { name: 'engine', sources: ['src/engine', 'src/config.ts'], tests: [all('engine'), 'test/config.test.ts'] },
  { name: 'cli', sources: ['src/cli'], tests: [all('cli')] },
];
