/**
 * The tasks that run in child processes. They have a list of their own, which the registry takes over, because a
 * process imports these files and no other: the whole registry would cost it 0.1 s more of CPU at each start.
 */
import type { IsolatedTask } from '../contract/task.ts';
import { feedParse } from './feed-parse.ts';
import { htmlExtract } from './html-extract.ts';
import { htmlLinks } from './html-links.ts';
import { render } from './render.ts';
import { transform } from './transform.ts';
import { xmlParse } from './xml-parse.ts';

export const isolatedTasks: readonly IsolatedTask[] = [transform, render, htmlExtract, htmlLinks, feedParse, xmlParse];
