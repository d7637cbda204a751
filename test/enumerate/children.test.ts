/**
 * Goal and method as in calls.test.ts: a death at any operation of the disk. Here: workflows that steps run, from their beginning
 * to their end, and what goes down to them.
 */
import { testScenarios } from './tests-of.ts';

const names = [
  'child',
  'child-of-child',
  'child-with-blobs',
  'children-of-items',
  'stop-with-child',
  'retry-with-child',
  'delete-with-child',
];

testScenarios('children', names, 2);
