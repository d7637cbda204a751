/** Goal: log, relatives and definition of a run, over HTTP. Method: a real engine behind the server. */
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { limits } from '../../src/contract/limits.ts';
import { lineageSchema, logReplySchema } from '../../src/contract/run-view.ts';
import { startInlineServer } from './inline-server.ts';
import { createWorkflow, startServer } from './running-server.ts';

const two = {
  name: 'Two',
  params: { who: 'x' },
  steps: [
    { id: 'a', action: 'noop' },
    { id: 'b', action: 'transform', dependencies: ['a'], params: { input: {}, expression: '$error("no\nway")' } },
  ],
};

describe('GET /api/workflows/{id}/logs', () => {
  it('has the lines of all steps by time, as JSON and as a file', async () => {
    const running = await startInlineServer();
    const id = await running.create(two, 10);
    const { json, status } = await running.call('GET', `/api/workflows/${id}/logs`);
    expect(status).toBe(200);
    expect(logReplySchema.parse(json)).toEqual(json);
    expect(json.lines.map(({ step_id, line }: { step_id: string; line: number }) => `${step_id}${line}`)).toEqual([
      'a0',
      'a1',
      'b0',
      'b1',
    ]);
    expect(json.lines.at(-1)).toMatchObject({ level: 'error', text: expect.stringMatching(/^Failed: /) });
    const times = json.lines.map(({ at }: { at: string }) => at);
    expect(times).toEqual([...times].sort());
    const text = await running.call('GET', `/api/workflows/${id}/logs?format=text`);
    expect(text.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(text.headers['content-disposition']).toBe(`attachment; filename="${id}.log"`);
    // There is no more.
    expect(text.headers['x-log-next']).toBeUndefined();
    expect(text.text.split('\n').filter((line) => !line.startsWith('    '))).toHaveLength(5);
    expect(text.text).toMatch(/Z ERROR b: Failed: /);
  });

  it('goes on after a time', async () => {
    const running = await startInlineServer();
    const id = await running.create(
      {
        name: 'Long',
        steps: Array.from({ length: 30 }, (_, i) => ({
          id: `s${i}`,
          action: 'noop',
          dependencies: i === 0 ? [] : [`s${i - 1}`],
        })),
      },
      10,
    );
    const seen: string[] = [];
    let after = '';
    for (let more = true; more; ) {
      const { json } = await running.call('GET', `/api/workflows/${id}/logs?limit=7${after}`);
      for (const { step_id, line } of json.lines) seen.push(`${step_id} ${line}`);
      more = json.more;
      after = `&after=${json.next}`;
      const text = await running.call('GET', `/api/workflows/${id}/logs?limit=7&format=text`);
      expect(text.headers['x-log-next'] !== undefined).toBe(true);
    }
    expect(seen).toHaveLength(60);
    expect(new Set(seen).size).toBe(60);
  });

  it.each(['format=html', 'after=x', 'limit=0', `limit=${limits.mergedLinesMax + 1}`])('refuses ?%s', async (query) => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const answer = await running.call('GET', `/api/workflows/${id}/logs?${query}`);
    expect([answer.status, answer.json.errors[0].path]).toEqual([422, query.split('=')[0]]);
  });
});

describe('GET /api/workflows/{id}/lineage', () => {
  it('has the eldest, all that came of it, and at which step', async () => {
    const running = await startInlineServer();
    const branch = async (id: string, stepId: string) =>
      (await running.call('POST', `/api/workflows/${id}/branches?wait=10`, { body: { stepId } })).json.id as string;
    const root = await running.create(two, 10);
    const left = await branch(root, 'a');
    const right = await branch(root, 'b');
    const leaf = await branch(left, 'b');
    const other = await running.create(two, 10);
    for (const id of [root, left, right, leaf]) {
      const { json } = await running.call('GET', `/api/workflows/${id}/lineage`);
      expect(lineageSchema.parse(json)).toEqual(json);
      expect([json.root, json.cut]).toEqual([root, false]);
      expect(json.nodes.map((node: { id: string }) => node.id).sort()).toEqual([root, left, right, leaf].sort());
      const edges = json.edges.map(
        ({ parent, child, stepId }: Record<string, string>) => `${parent} ${child} ${stepId}`,
      );
      expect(edges.sort()).toEqual([`${root} ${left} a`, `${root} ${right} b`, `${left} ${leaf} b`].sort());
    }
    const alone = (await running.call('GET', `/api/workflows/${other}/lineage`)).json;
    expect([alone.root, alone.nodes.length, alone.edges]).toEqual([other, 1, []]);
    await running.call('DELETE', `/api/workflows/${root}`);
    expect((await running.call('GET', `/api/workflows/${leaf}/lineage`)).json.root).toBe(left);
    expect((await running.call('GET', `/api/workflows/${root}/lineage`)).status).toBe(404);
  });
});

describe('GET /api/workflows/{id}/definition', () => {
  it('comes back as JSON, its params apart, and as a YAML file that can be run', async () => {
    const running = await startInlineServer();
    const id = await running.create(two, 10);
    const path = `/api/workflows/${id}/definition`;
    const { json, headers } = await running.call('GET', path);
    const { params, ...definition } = two;
    expect(json).toEqual({ definition, params, templateId: null });
    expect(headers.vary).toBe('Origin, Accept');
    const yaml = await running.call('GET', path, { headers: { Accept: 'application/yaml' } });
    expect(yaml.headers['content-type']).toBe('application/yaml; charset=utf-8');
    expect(parse(yaml.text)).toEqual(two);
    const again = await running.create(parse(yaml.text), 10);
    expect((await running.call('GET', `/api/workflows/${again}`)).json.status).toBe('FAILED');
  });

  it('is refused as YAML where it is too large', async () => {
    const running = await startInlineServer();
    const id = await running.create({ ...two, params: { long: 'x'.repeat(1024 * 1024) } }, 10);
    const path = `/api/workflows/${id}/definition`;
    expect((await running.call('GET', path)).status).toBe(200);
    const answer = await running.call('GET', path, { headers: { Accept: 'application/yaml' } });
    expect([answer.status, answer.json.code]).toEqual([413, 'TOO_LARGE']);
  });
});
