/** A process with the tasks of faulty-tasks.ts. */
import { serveIsolatedJobs } from '../../src/worker/process-runner.ts';
import { faultyTasks } from './faulty-tasks.ts';

serveIsolatedJobs(faultyTasks);
