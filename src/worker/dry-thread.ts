/** The module that threads of a dry run load: `thread.ts` with tasks that call nobody. */
import { rehearsedTasks } from '../tasks/registry.ts';
import { createBundleRunner } from './bundle-runner.ts';

export default createBundleRunner(rehearsedTasks);
