/** Goal: the list of actions is what the contract names, and asking for it loads no heavy library. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isolatedTasks } from '../../src/tasks/isolated.ts';
import { createActionCatalogue, rehearsedTasks, simulatedAction, tasks } from '../../src/tasks/registry.ts';

describe('the registry', () => {
  it('names the actions of the contract with their lanes, and hides the simulation', () => {
    const catalogue = createActionCatalogue();
    const lanes = Object.fromEntries([...catalogue].map(([action, info]) => [action, info.lane]));
    expect(lanes).toMatchObject({
      noop: 'io',
      delay: 'io',
      http_request: 'io',
      openai_chat: 'io',
      deepseek_chat: 'io',
      gemini_chat: 'io',
      chat: 'io',
      any_chat: 'io',
      html_extract: 'cpu',
      html_links: 'cpu',
      feed_parse: 'cpu',
      xml_parse: 'cpu',
      text_join: 'cpu',
      text_split: 'cpu',
      text_keywords: 'cpu',
      text_summarize: 'cpu',
      transform: 'cpu',
      render: 'cpu',
      external_data: 'none',
    });
    expect(catalogue.has(simulatedAction.action)).toBe(false);
    expect(tasks.has(simulatedAction.action)).toBe(true);
    expect(tasks.size).toBe(catalogue.size + 1);
  });

  it('tells which actions call other machines', () => {
    const out = [...createActionCatalogue().values()].filter(({ goesOut }) => goesOut).map(({ action }) => action);
    expect(out).toEqual(['http_request', 'openai_chat', 'deepseek_chat', 'gemini_chat', 'chat', 'any_chat']);
  });

  it('sends to a process the tasks that processes know, and no other', () => {
    const isolated = [...createActionCatalogue().values()].filter((info) => info.isolated).map(({ action }) => action);
    expect(isolated).toEqual(['transform', 'render', 'html_extract', 'html_links', 'feed_parse', 'xml_parse']);
    expect(isolated).toEqual(isolatedTasks.map(({ action }) => action));
  });

  it('has something that stands in for each of them in a dry run, and leaves what computes as it is', () => {
    for (const [action, task] of tasks) {
      const isReplaced = rehearsedTasks.get(action)?.run !== task.run;
      expect(isReplaced, action).toBe(task.goesOut === true || action === 'delay');
      if (task.goesOut) expect(task.rehearse, action).toBeDefined();
    }
    expect(rehearsedTasks.size).toBe(tasks.size);
  });

  it('gives each action a description, a time and params that can be shown as JSON Schema with a word on every field', () => {
    for (const { action, description, params, timeoutMs } of createActionCatalogue().values()) {
      expect(description.length, action).toBeGreaterThan(20);
      expect(timeoutMs, action).toBeGreaterThanOrEqual(30_000);
      const schema = z.toJSONSchema(params, { io: 'input' }) as {
        properties?: Record<string, { description?: string }>;
      };
      for (const [name, field] of Object.entries(schema.properties ?? {})) {
        expect(field.description, `${action}.${name}`).toBeTruthy();
      }
    }
  });

  it('refuses params it does not know, but for noop, external_data and what is passed on to a model', () => {
    for (const [action, { params }] of createActionCatalogue()) {
      const issues = params.safeParse({ surprise: 1 }).error?.issues ?? [];
      const isOpen = action === 'noop' || action === 'external_data' || action.endsWith('chat');
      expect(
        issues.some(({ code }) => code === 'unrecognized_keys'),
        action,
      ).toBe(!isOpen);
    }
  });

  it('loads no library of a task before the task runs', () => {
    const source = `
      const { createRequire } = require('node:module');
      require('tsx/cjs');
      require('./src/tasks/registry.ts');
      console.log(JSON.stringify(Object.keys(require.cache).filter((file) =>
        /node_modules.(undici|openai|@pydantic|linkedom|@mozilla|turndown|wink-nlp|wink-eng|jsonata|liquidjs|parse5|feedsmith|fast-xml|saxes)/.test(file))));
    `;
    const root = fileURLToPath(new URL('../../', import.meta.url));
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', source], {
      cwd: root,
      encoding: 'utf8',
      timeout: 50_000,
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual([]);
  });
});
