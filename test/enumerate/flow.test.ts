/**
 * Goal and method as in calls.test.ts: a death at any operation of the disk. Here: maps, loops, conditions, decisions, waits,
 * and a group that failed and is retried. Few outcomes of the disk in a common run; the nightly one has as many as elsewhere.
 */
import { testScenarios } from './tests-of.ts';

const names = ['map', 'nested-map', 'loop', 'loop-with-pauses', 'skip', 'decision', 'expiry', 'retry-group'];

testScenarios('flow', names, 3);
