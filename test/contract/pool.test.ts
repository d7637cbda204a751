/**
 * Goal: every pool keeps P1 to P4 of `contract/job.ts`, those that stand in for threads in other tests too. Method: one
 * suite, pool.suite.ts, run against each; the real one with tasks that misbehave (pool-stands.ts): those that loop (`loops`,
 * `beats_in_a_loop`), never come back from a native call (`beats_in_a_native_call`, `parses`), or end their thread (`exits`).
 */
import { describePool } from './pool.suite.ts';
import { dryPool, inlinePool, latePool, memoryPool, realPool, simPool } from './pool-stands.ts';

describePool('the pool of threads and processes', realPool);
describePool('the pool of a dry run', dryPool);
describePool('a pool whose threads came late', latePool);
describePool('the pool of the simulation', simPool);
describePool('the pool of engines in the thread of a test', inlinePool);
describePool('the pool of engines on a disk in memory', memoryPool);
