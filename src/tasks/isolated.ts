/**
 * The tasks whose input decides how much memory they ask for at once: an expression, a template, a page of half a million
 * paragraphs. V8 answers what a thread's heap cannot hold by ending the process, so they run in processes of their own.
 */
import type { Task } from '../contract/task.ts';
import { htmlExtract } from './html-extract.ts';
import { render } from './render.ts';
import { transform } from './transform.ts';

export const isolatedTasks: ReadonlyMap<string, Task> = new Map(
  [transform, render, htmlExtract].map((task): [string, Task] => [task.action, task as Task]),
);
