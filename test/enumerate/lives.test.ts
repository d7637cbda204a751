/**
 * Goal and method as in calls.test.ts. Here: what takes a life and its end, or moves data from one place to another:
 * blobs, deletion, checkpoint and truncation, recovery itself, stopping in good order.
 */
import { isLifelong } from './scenarios.ts';
import { testScenarios } from './tests-of.ts';

testScenarios('crash points of lives', isLifelong);
