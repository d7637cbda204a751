/**
 * Goal: the templates that come with the package are sound, explain themselves, and do real work without a key or a
 * network. Method: the catalogue over the shipped directory, then a run of each on an engine of its own, with a page of
 * several hundred kilobytes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Template } from '../../src/contract/definition.ts';
import type { Engine } from '../../src/contract/engine.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { validateDefinition } from '../../src/core/validate.ts';
import { createEngine } from '../../src/main.ts';
import { createActionCatalogue } from '../../src/tasks/registry.ts';
import { createTemplateCatalogue } from '../../src/templates/catalogue.ts';
import { instantiate } from '../../src/templates/instantiate.ts';
import { createLongPage } from './long-page.ts';

// Half a hundred steps of language analysis take a while on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const catalogue = createTemplateCatalogue(resolve(import.meta.dirname, '../../workflows/templates'));
const ids = ['fan-out-report', 'page-digest', 'page-summary', 'page-watch', 'research-brief'];

async function read(id: string): Promise<Template> {
  const template = await catalogue.get(id);
  if (!template) throw new Error(`${id} is not shipped`);
  return template;
}

test('these templates are shipped, and none of them is faulty', async () => {
  expect((await catalogue.list()).map((template) => template.id)).toEqual(ids);
  expect(await catalogue.problems()).toEqual([]);
});

describe.each(ids)('%s', (id) => {
  test('describes itself and each of its params, with examples', async () => {
    const { description, params, steps } = await read(id);
    expect(description?.length).toBeGreaterThan(40);
    const properties = Object.values((params?.properties ?? {}) as Record<string, Record<string, unknown>>);
    expect(properties.length).toBeGreaterThan(0);
    for (const property of properties) {
      expect(property.description).toMatch(/\.$/);
      expect(property.examples).toHaveLength(1);
    }
    for (const step of steps) expect(step.name).toBeTruthy();
  });

  test('makes a valid workflow of known actions from each of its examples', async () => {
    const template = await read(id);
    const examples = template.params?.examples as Record<string, unknown>[];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const options = { catalogue: createActionCatalogue(), unknownActions: 'reject' as const };
      expect(validateDefinition(instantiate(template, example), options)).toMatchObject({ ok: true });
    }
  });
});

describe('on an engine', () => {
  let dir: string;
  let engine: Engine;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hybrid-shipped-'));
    engine = await createEngine({
      ownThread: false,
      settings: {
        workflowsDir: join(dir, 'workflows'),
        queueStateFile: join(dir, 'queue.json'),
        logLevel: 'fatal',
        unknownActions: 'reject',
      },
    });
  });
  afterAll(async () => {
    await engine.close();
    await rm(dir, { recursive: true, force: true });
  });

  const page = createLongPage();
  const run = async (id: string, params: Record<string, unknown>): Promise<Workflow> => {
    const { id: workflowId } = await engine.submitTemplate(id, params);
    return (await engine.finished(workflowId)).workflow;
  };
  const reportOf = (workflow: Workflow): string => {
    expect(workflow.steps.map(({ id, status, error }) => ({ id, status, error }))).toEqual(
      workflow.steps.map(({ id }) => ({ id, status: 'COMPLETED', error: null })),
    );
    return String(workflow.steps.find((step) => step.id === 'report')?.outputs?.content);
  };

  test('the page is several hundred kilobytes long', () => {
    expect(page.html.length).toBeGreaterThan(300_000);
  });

  test('page-digest makes one report of summary, keywords and outline', async () => {
    const params = { html: page.html, url: 'https://example.org/tea', keywords: 10, sentences: 3 };
    const report = reportOf(await run('page-digest', params));
    const lines = report.split('\n');
    expect(lines[0]).toBe('# The tea atlas');
    expect(report).toContain('Source: <https://example.org/tea>');
    expect(report).toMatch(/Length: \d{5} words, \d{3} min/);
    expect(section(report, 'Summary')).toHaveLength(3);
    const keywords = section(report, 'Keywords').join().split(', ');
    expect(keywords).toHaveLength(10);
    expect(keywords).toContain('farmer');
    expect(section(report, 'Outline')[0]).toMatch(/^1\. Chapter 1: tea/);
    expect(section(report, 'Outline').at(-1)).toMatch(/^… and \d+ more passages$/);
    expect(report).not.toMatch(/zzcookiezz|Menu 7|\{\{|\{%/);
  });

  test('page-digest makes a report of a page without text, and of the title given', async () => {
    const report = reportOf(await run('page-digest', { html: '<p> </p>', title: 'Nothing here' }));
    expect(report).toMatch(/^# Nothing here\n\nLength: 0 words, 0 min\n/);
    expect(report).toContain('The page holds no text.');
    expect(report).toContain('None found.');
  });

  test('page-watch waits for its page, then reports what was watched for', async () => {
    const params = { topic: 'Tea prices', terms: ['MONSOON', 'no such phrase'], sentences: 2 };
    const waiting = await engine.submitTemplate('page-watch', params, { waitMs: 60_000 });
    expect(waiting.status).toBe('WAITING_FOR_DEPENDENCY');
    const external = { content: page.html, source_url: 'https://example.org/tea', step_name: 'Captured page' };
    expect(await engine.externalData(waiting.id, external)).toMatchObject({ step_id: 'capture', queued_dependents: 1 });
    const report = reportOf((await engine.finished(waiting.id)).workflow);
    expect(report).toMatch(/^# Tea prices\n\nPage: The tea atlas \(<https:\/\/example.org\/tea>\)\nCaptured: \d{4}-/);
    // Its sentence, once in each paragraph of eight chapters, and their headings.
    expect(report).toContain(`| MONSOON | ${8 * 24 + 8} |`);
    expect(report).toContain('| no such phrase | 0 |');
    expect(section(report, 'Summary')).toHaveLength(2);
  });

  test('page-watch takes a page without an address, and no terms', async () => {
    const { id } = await engine.submitTemplate('page-watch', {}, { waitMs: 60_000 });
    const content = '<html><head><title>Tea</title></head><body><p>Tea is a drink.</p></body></html>';
    await engine.externalData(id, { content, step_id: 'capture' });
    const report = reportOf((await engine.finished(id)).workflow);
    expect(report).toMatch(/^# Captured page\n\nPage: Tea\nCaptured: /);
    expect(report).not.toContain('Watched terms');
  });

  test('page-summary picks sentences where no key is set, and says so', async () => {
    const waiting = await engine.submitTemplate('page-summary', { sentences: 2 }, { waitMs: 60_000 });
    await engine.externalData(waiting.id, {
      content: page.html,
      source_url: 'https://example.org/tea',
      step_id: 'capture',
    });
    const { workflow } = await engine.finished(waiting.id);
    const report = reportOf(workflow);
    const stepOf = (id: string) => workflow.steps.find((step) => step.id === id);
    expect(stepOf('summary')).toMatchObject({
      outputs: { content: stepOf('sentences')?.outputs?.content, answered_by: 'otherwise', model: null },
      metadata: { answered_by: 'otherwise' },
      execution_metrics: null,
    });
    expect(stepOf('sentences')?.outputs?.sentences).toHaveLength(2);
    expect(report).toMatch(/^# The tea atlas\n\nSource: <https:\/\/example.org\/tea>\nCaptured: \d{4}-/);
    expect(report).toContain(String(stepOf('sentences')?.outputs?.content));
    expect(report).toMatch(/word for word: no model was set up, from the beginning of the page\.\n$/);
    expect(workflow.cost_breakdown).toEqual({});
  });

  test('page-summary takes a page without text', async () => {
    const { id } = await engine.submitTemplate('page-summary', {}, { waitMs: 60_000 });
    await engine.externalData(id, { content: '<p> </p>', step_id: 'capture' });
    expect(reportOf((await engine.finished(id)).workflow)).toContain('The page holds no text.');
  });

  test('research-brief names the keys that it would need', async () => {
    const workflow = await run('research-brief', { topic: 'Tea' });
    expect(workflow.status).toBe('FAILED');
    expect(workflow.steps[0]?.error).toMatch(/put OPENAI_API_KEY or DEEPSEEK_API_KEY or GOOGLE_API_KEY into the env/);
  });

  test('fan-out-report analyses 24 sections in parallel and joins what they found', async () => {
    const workflow = await run('fan-out-report', { html: page.html, keywords: 6, sentences: 1 });
    const report = reportOf(workflow);
    expect(workflow.steps.filter((step) => step.dependencies.includes('sections'))).toHaveLength(48);
    expect(report.match(/^## Section \d+$/gm)).toHaveLength(24);
    expect(section(report, 'Themes')[0]).toMatch(/^- \p{L}+ \(2\d sections\)$/u);
    expect(section(report, 'Section 24').length).toBeGreaterThan(1);
  });

  test('fan-out-report leaves empty what a short document cannot fill', async () => {
    const report = reportOf(await run('fan-out-report', { html: '<p>Tea is a drink.</p>' }));
    expect(report.match(/^## Section \d+$/gm)).toEqual(['## Section 1']);
    expect(report).toContain('No keyword occurs in more than one section.');
  });
});

/** The lines under a heading that hold something. */
function section(report: string, heading: string): string[] {
  const after = report.split(`## ${heading}\n`)[1] ?? '';
  return (after.split(/^## /m)[0] ?? '').split('\n').filter((line) => line.trim() !== '');
}
