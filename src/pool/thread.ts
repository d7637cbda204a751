/** The module that every thread of the pool loads. */
import { tasks } from '../tasks/registry.ts';
import { createBundleRunner } from './bundle-runner.ts';

export default createBundleRunner(tasks);
