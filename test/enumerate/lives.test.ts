/**
 * Goal and method as in calls.test.ts: a death at any operation of the disk. Here: what takes a life and its end, or moves
 * data from one place to another: blobs, deletion, checkpoint and truncation, recovery itself, stopping in good order.
 */
import { testScenarios } from './tests-of.ts';

testScenarios('lives', ['delete', 'blob', 'checkpoint', 'restart', 'shutdown']);
