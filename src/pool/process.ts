/** The module that every process of the pool loads. */
import { isolatedTasks } from '../tasks/isolated.ts';
import { serveIsolatedJobs } from './process-runner.ts';

serveIsolatedJobs(isolatedTasks);
