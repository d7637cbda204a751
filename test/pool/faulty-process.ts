/** A process with the tasks of faulty-tasks.ts. */
import { serveIsolatedJobs } from '../../src/pool/process-runner.ts';
import { faultyTasks } from './faulty-tasks.ts';

serveIsolatedJobs(faultyTasks);
