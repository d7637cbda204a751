/**
 * Goal: a death at any operation of the disk, and another one at any operation of the recovery, loses nothing that was
 * acknowledged, changes and repeats nothing that was recorded, and hinders nothing from coming to its end (C2, G1 to G8).
 * Method: short scripted histories in the simulated world, and its checkers. ENUMERATE_OUTCOMES and ENUMERATE_SECOND=all
 * set the scale; a failure prints the command that repeats it. Here: what single calls bring about.
 */
import { testScenarios } from './tests-of.ts';

testScenarios('calls', ['create', 'dag', 'fan-out', 'external-data', 'retry', 'stop', 'resume', 'branch']);
