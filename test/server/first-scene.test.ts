/**
 * Goal: the scene for which the engine was first drawn up. A workflow waits for a page from the browser; the page is
 * posted; the step that depends on it runs at once, and its param holds the content. Method: a real engine on a real disk,
 * over HTTP. A partner shows that the step had not run before.
 */
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import type { ExternalDataReply } from '../../src/contract/definition.ts';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';
import { createEngine, version } from '../../src/main.ts';
import { createServer } from '../../src/server/server.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';

const content = '<h1>Tea</h1>\r\n<p>茶 \u{1f375} "{{params.x}}" \\u0041\u2028</p>';

it('step B waits for step A, whose data comes from the browser, and then gets it as its param', async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const engine = await createEngine({ settings: { ...dir.settings, poolThreads: 1, logLevel: 'fatal' } });
  onTestFinished(() => engine.close());
  const settings = { host: '127.0.0.1', port: 0, apiToken: null, allowedHosts: [], allowedOrigins: [] };
  const server = createServer({ engine, settings, log: pino({ level: 'silent' }), version });
  const { url } = await server.listen();
  onTestFinished(() => server.close());
  const call = async <Data>(path: string, body?: object): Promise<Data> => {
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`${url}/api${path}`, body === undefined ? {} : init);
    expect(response.ok).toBe(true);
    return (await response.json()) as Data;
  };
  const stepOf = (id: string, step: string, query = '') =>
    call<WorkflowStep & { params_bound?: object }>(`/workflows/${id}/steps/${step}${query}`);

  const { id } = await call<Workflow>('/workflows?wait=60', {
    name: 'A page from the browser',
    steps: [
      { id: 'a', name: 'Page', action: 'external_data', params: { source: 'browser_extension' } },
      {
        ...{ id: 'b', name: 'Use it', action: 'transform', dependencies: ['a'] },
        params: { input: '{{steps.a.outputs.content}}', expression: '$' },
      },
    ],
  });
  expect(await stepOf(id, 'b')).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', attempt: 0, startTime: null });

  const reply = await call<ExternalDataReply>(`/workflows/${id}/external-data`, {
    ...{ step_name: 'Page', content, content_type: 'html', source_url: 'https://site.example/tea' },
  });
  expect(reply).toEqual({ workflow_id: id, step_id: 'a', status: 'success', queued_dependents: 1 });

  const workflow = await call<Workflow>(`/workflows/${id}?wait=60`);
  expect([workflow.status, workflow.progress, workflow.steps.length]).toEqual(['COMPLETED', 100, 2]);
  const [a, b] = [await stepOf(id, 'a'), await stepOf(id, 'b', '?bound=1')];
  expect(a.outputs).toMatchObject({ content, source_url: 'https://site.example/tea' });
  expect(b.params_bound).toEqual({ input: content, expression: '$' });
  expect(b).toMatchObject({ status: 'COMPLETED', attempt: 1, outputs: { value: content, content } });
});
