/** The tests as StrykerJS runs them, many times: those that the area names, without the slow and the noisy ones. */
import { mergeConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

const include = JSON.parse(process.env.MUTATION_TESTS ?? '[]') as string[];
const slow = [
  'test/core/random-dags.test.ts',
  'test/contract/pool.test.ts',
  'test/engine/large.test.ts',
  'test/engine/from-source.test.ts',
  'test/server/real-engine.test.ts',
  'test/server/route-fuzz.test.ts',
  'test/store/power-cut.test.ts',
  'test/cli/cli.test.ts',
  'test/cli/dry-run.test.ts',
  'test/cli/server-commands.test.ts',
];

const config = mergeConfig(base, { test: { exclude: slow, testTimeout: 30_000 } });
config.test.include = include;
// One project, whose files have each a process of their own: a mutant may leave anything behind.
config.test.projects = undefined;
export default config;
