/**
 * The tasks whose work comes from outside as a program of sorts: an expression or a template can ask for more memory at once
 * than a thread has, and V8 answers that by ending the process. They run in a process of their own.
 */
import type { Task } from '../contract/task.ts';
import { render } from './render.ts';
import { transform } from './transform.ts';

export const isolatedTasks: ReadonlyMap<string, Task> = new Map(
  [transform, render].map((task): [string, Task] => [task.action, task as Task]),
);
