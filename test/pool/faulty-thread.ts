/** A thread with the tasks of faulty-tasks.ts. */
import { createBundleRunner } from '../../src/worker/bundle-runner.ts';
import { faultyTasks } from './faulty-tasks.ts';

export default createBundleRunner(faultyTasks);
