/** The module that threads of a dry run load: `thread.ts` with tasks that make no network call. */
import { rehearsedTasks } from '../tasks/registry.ts';
import { createBundleRunner } from './bundle-runner.ts';

export default createBundleRunner(rehearsedTasks);
