// Goal: every workflow endpoint of the contract answers with its status, headers and body, and every refusal with its
// problem. Method: a real server on a free port over an engine in memory.
import { describe, expect, it } from 'vitest';
import { Refusal, type RefusalCode, refusalTable } from '../../src/contract/failures.ts';
import { createWorkflow, oneStep, startServer } from './running-server.ts';

const unknownId = '00000000-0000-4000-8000-000000000000';

describe('POST /api/workflows', () => {
  it('answers 201 with the workflow as created, and says where it is', async () => {
    const running = await startServer();
    const answer = await running.call('POST', '/api/workflows', { body: oneStep });
    expect(answer.status).toBe(201);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(answer.headers.location).toBe(`/api/workflows/${answer.json.id}`);
    expect(answer.json).toMatchObject({ name: 'One step', status: 'PENDING', progress: 0 });
    expect(answer.text).toBe((await running.engine.get(answer.json.id)).json);
  });

  it('PR1: names every bad field at once, unknown ones too', async () => {
    const running = await startServer();
    const body = { name: '', extra: 1, steps: [{ id: 'a', action: 'noop', other: 2 }, { id: '/' }] };
    const { status, headers, json } = await running.call('POST', '/api/workflows', { body });
    expect(status).toBe(422);
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(json.errors.map((each: { path: string }) => each.path).sort()).toEqual([
      'extra',
      'name',
      'steps[0].other',
      'steps[1].action',
      'steps[1].id',
    ]);
    expect(json).toMatchObject({ status: 422, title: 'Invalid', code: 'INVALID', type: 'urn:hybrid-engine:invalid' });
  });

  it('passes on paths into lists', async () => {
    const running = await startServer();
    const body = { name: 'x', steps: [{ id: 'a', action: 'noop', dependencies: ['ghost'] }] };
    const { json } = await running.call('POST', '/api/workflows', { body });
    expect(json.errors[0].path).toBe('steps[0].dependencies[0]');
    expect(json.detail).toContain('"ghost"');
  });

  it('says that a body is needed when there is none', async () => {
    const running = await startServer();
    const answer = await running.call('POST', '/api/workflows');
    expect(answer.status).toBe(400);
    expect(answer.json.detail).toContain('application/json');
  });

  it('waits as long as it is told, and answers when the workflow rests', async () => {
    const running = await startServer();
    const waiting = running.call('POST', '/api/workflows?wait=60', { body: oneStep });
    await running.engine.untilCalled('submit');
    const [id] = running.engine.workflows.keys();
    running.engine.settle(id ?? '', 'COMPLETED');
    expect((await waiting).json.status).toBe('COMPLETED');
    expect(running.engine.callsOf('submit')[0]?.[1]).toMatchObject({ waitMs: 60_000 });
  });

  it.each(['-1', '61', '60.1', '1e1', 'x', '', ' 1', '0x1', 'NaN', '1&wait=2'])('refuses ?wait=%s', async (wait) => {
    const running = await startServer();
    const answer = await running.call('POST', `/api/workflows?wait=${encodeURI(wait)}`, { body: oneStep });
    expect(answer.status).toBe(422);
    expect(answer.json.errors[0].path).toBe('wait');
    expect(running.engine.callsOf('submit')).toEqual([]);
  });
});

describe('Idempotency-Key', () => {
  it('reaches the engine, and a replay is marked', async () => {
    const running = await startServer();
    const request = { headers: { 'Idempotency-Key': 'order-1' }, body: oneStep };
    const first = await running.call('POST', '/api/workflows', request);
    const second = await running.call('POST', '/api/workflows', request);
    expect(second.status).toBe(201);
    expect(second.json.id).toBe(first.json.id);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(running.engine.callsOf('submit')[0]?.[1]).toEqual({ idempotencyKey: 'order-1' });
  });

  it('goes with every POST', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const headers = { 'Idempotency-Key': 'k' };
    await running.call('POST', `/api/workflows/${id}/stop`, { headers });
    await running.call('POST', `/api/workflows/${id}/resume`, { headers });
    running.engine.settle(id, 'FAILED');
    await running.call('POST', `/api/workflows/${id}/retry`, { headers });
    await running.call('POST', `/api/workflows/${id}/external-data`, { headers, body: { content: '' } });
    await running.call('POST', `/api/workflows/${id}/branches`, { headers, body: { stepId: 'only' } });
    await running.call('POST', '/api/workflows/from-template', { headers, body: { template_id: 'two-steps' } });
    for (const name of ['stop', 'resume', 'retry', 'externalData', 'branch', 'submitTemplate'] as const) {
      expect(running.engine.callsOf(name)[0]?.at(-1), name).toEqual({ idempotencyKey: 'k' });
    }
  });

  it.each(['', 'two words', 'ümlaut', 'x'.repeat(256)])('is refused when it is %j', async (key) => {
    const running = await startServer();
    const answer = await running.call('POST', '/api/workflows', { headers: { 'Idempotency-Key': key }, body: oneStep });
    expect(answer.status).toBe(422);
    expect(answer.json.errors[0].path).toBe('Idempotency-Key');
  });

  it('may be 255 characters long', async () => {
    const running = await startServer();
    const headers = { 'Idempotency-Key': '~'.repeat(255) };
    expect((await running.call('POST', '/api/workflows', { headers, body: oneStep })).status).toBe(201);
  });
});

describe('POST /api/workflows/from-template', () => {
  it('takes template_id from the query, and the body as params', async () => {
    const running = await startServer();
    const path = '/api/workflows/from-template?template_id=openai_chat';
    const answer = await running.call('POST', path, { body: { prompt: 'hi', template_id: 'a param' } });
    expect(answer.status).toBe(201);
    expect(answer.headers.location).toBe(`/api/workflows/${answer.json.id}`);
    expect(running.engine.callsOf('submitTemplate')[0]).toEqual([
      'openai_chat',
      { prompt: 'hi', template_id: 'a param' },
      {},
    ]);
  });

  it('takes no body as no params when the query names the template', async () => {
    const running = await startServer();
    expect((await running.call('POST', '/api/workflows/from-template?template_id=two-steps')).status).toBe(201);
    expect(running.engine.callsOf('submitTemplate')[0]?.slice(0, 2)).toEqual(['two-steps', {}]);
  });

  it('takes both from the body', async () => {
    const running = await startServer();
    const body = { template_id: 'two-steps', params: { topic: 'x' } };
    expect((await running.call('POST', '/api/workflows/from-template', { body })).json.templateId).toBe('two-steps');
    expect(running.engine.callsOf('submitTemplate')[0]?.slice(0, 2)).toEqual(['two-steps', { topic: 'x' }]);
  });

  it.each([
    [{}, 'template_id'],
    [{ template_id: '../etc' }, 'template_id'],
    [{ template_id: 'a', params: [] }, 'params'],
    [{ template_id: 'a', extra: 1 }, 'extra'],
    [[], ''],
  ])('refuses the body %j', async (body, path) => {
    const running = await startServer();
    const answer = await running.call('POST', '/api/workflows/from-template', { body });
    expect(answer.status).toBe(422);
    expect(answer.json.errors[0].path).toBe(path);
  });

  it('refuses a template_id in the query that cannot be one', async () => {
    const running = await startServer();
    const answer = await running.call('POST', '/api/workflows/from-template?template_id=..%2f..%2fetc');
    expect(answer.status).toBe(422);
    expect(running.engine.calls).toEqual([]);
  });
});

describe('GET /api/workflows/{id}', () => {
  it('answers with an ETag, and 304 through peek alone when the version is known', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const first = await running.call('GET', `/api/workflows/${id}`);
    expect(first.status).toBe(200);
    expect(first.headers['cache-control']).toBe('private, no-cache');
    const tag = first.headers.etag ?? '';
    const gets = running.engine.callsOf('get').length;
    for (const condition of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
      const again = await running.call('GET', `/api/workflows/${id}`, { headers: { 'If-None-Match': condition } });
      expect([again.status, again.text, again.headers.etag]).toEqual([304, '', tag]);
    }
    expect(running.engine.callsOf('get')).toHaveLength(gets);
    running.engine.settle(id, 'COMPLETED');
    const changed = await running.call('GET', `/api/workflows/${id}`, { headers: { 'If-None-Match': tag } });
    expect(changed.status).toBe(200);
    expect(changed.headers.etag).not.toBe(tag);
  });

  it('waits for rest when asked, and gives up the wait when the client goes', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const waiting = running.call('GET', `/api/workflows/${id}?wait=59.5`);
    await running.engine.untilCalled('get');
    running.engine.settle(id, 'WAITING_FOR_DEPENDENCY');
    expect((await waiting).json.status).toBe('WAITING_FOR_DEPENDENCY');
    expect(running.engine.callsOf('get')[0]?.[1]).toMatchObject({ waitMs: 59_500 });

    running.engine.settle(id, 'RUNNING');
    const leaving = new AbortController();
    const left = fetch(`${running.url}/api/workflows/${id}?wait=60`, { signal: leaving.signal });
    await running.engine.untilCalled('get', 2);
    const signal = running.engine.signalOf('get', 1);
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    leaving.abort();
    await expect(left).rejects.toThrow();
    await aborted;
  });

  it('waits for so many callers and no more, and has no effect for one it refuses', async () => {
    const running = await startServer({ bounds: { waitsMax: 1 } });
    const id = await createWorkflow(running);
    running.engine.settle(id, 'RUNNING');
    const created = running.engine.callsOf('submit').length;
    const leaving = new AbortController();
    const waiting = fetch(`${running.url}/api/workflows/${id}?wait=60`, { signal: leaving.signal });
    await running.engine.untilCalled('get');
    const refused = await running.call('GET', `/api/workflows/${id}?wait=60`);
    expect([refused.status, refused.json.code]).toEqual([429, 'TOO_MANY']);
    expect(refused.headers['retry-after']).toBe('5');
    // From a client that would keep its connection: call() asks for none to be kept.
    const kept = await running.raw(
      `GET /api/workflows/${id}?wait=60 HTTP/1.1\r\nHost: localhost:${running.port}\r\n\r\n`,
    );
    expect(kept).toMatch(/^HTTP\/1\.1 429 [\s\S]*\r\nConnection: close\r\n/);
    expect((await running.call('POST', '/api/workflows?wait=1', { body: oneStep })).status).toBe(429);
    expect(running.engine.callsOf('submit')).toHaveLength(created);
    expect((await running.call('GET', `/api/workflows/${id}`)).status).toBe(200);

    const signal = running.engine.signalOf('get');
    const released = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    leaving.abort();
    await expect(waiting).rejects.toThrow();
    await released;
    await new Promise(setImmediate);
    running.engine.settle(id, 'COMPLETED');
    expect((await running.call('GET', `/api/workflows/${id}?wait=60`)).status).toBe(200);
  });

  it('WP2: replaces outputs, largest first, when the document is beyond its bound', async () => {
    const running = await startServer({ bounds: { answerBytesMax: 8_000 } });
    const id = await createWorkflow(running, {
      name: 'large',
      steps: [
        { id: 'small', action: 'noop' },
        { id: 'large one', action: 'noop' },
      ].map((step) => ({ ...step, id: step.id.replace(' ', '.') })),
    });
    running.engine.settle(id, 'COMPLETED', { content: 'x'.repeat(3_000) });
    const large = running.engine.workflows.get(id)?.steps[1];
    if (large) large.outputs = { content: 'y'.repeat(6_000) };
    const { json } = await running.call('GET', `/api/workflows/${id}`);
    expect(json.steps[0].outputs.content).toHaveLength(3_000);
    expect(json.steps[1].outputs).toEqual({
      truncated: true,
      bytes: 6_014,
      href: `/api/workflows/${id}/steps/large.one`,
    });
    expect((await running.call('GET', json.steps[1].outputs.href)).json.outputs.content).toHaveLength(6_000);
  });
});

describe('workflow ids', () => {
  it('answers 404 with the words of the contract for an id that no workflow has', async () => {
    const running = await startServer();
    const answer = await running.call('GET', `/api/workflows/${unknownId}`);
    expect(answer.status).toBe(404);
    expect(answer.json.detail).toBe(`Workflow with ID ${unknownId} not found`);
  });

  it.each([
    ['nope', 'nope'],
    ['..%2f..%2fetc%2fpasswd', '../../etc/passwd'],
    ['%00', '\\u0000'],
    ['%0d%0aSet-Cookie:x', '\\u000d\\u000aSet-Cookie:x'],
    ['%1b[31m', '\\u001b[31m'],
    ['%E2%80%AE', '\\u202e'],
    ['__proto__', '__proto__'],
    ['%E0%A4%A', '%E0%A4%A'],
    ['a'.repeat(500), `${'a'.repeat(64)}…`],
    [`${unknownId}x`, `${unknownId}x`],
  ])('answers 404 for %s on every route, without asking the engine', async (id, shown) => {
    const running = await startServer();
    const tails = ['', '/steps/a', '/external-data', '/events'].map((tail) => ['GET', tail] as const);
    const posts = ['/stop', '/resume', '/retry', '/branches', '/external-data'].map((tail) => ['POST', tail] as const);
    for (const [method, tail] of [...tails, ...posts, ['DELETE', ''] as const]) {
      const answer = await running.call(method, `/api/workflows/${id}${tail}`);
      expect([method, tail, answer.status, answer.json.detail]).toEqual([
        method,
        tail,
        404,
        `Workflow with ID ${shown} not found`,
      ]);
    }
    expect(running.engine.calls).toEqual([]);
  });
});

describe('steps, steering, branches, deletion', () => {
  it('reads a step, and tells which step there is not', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    expect((await running.call('GET', `/api/workflows/${id}/steps/only`)).json).toMatchObject({ id: 'only' });
    const missing = await running.call('GET', `/api/workflows/${id}/steps/..%2fonly`);
    expect(missing.status).toBe(404);
    expect(missing.json.detail).toContain('../only');
  });

  it('stops, resumes and retries, with no body or an empty object', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    expect((await running.call('POST', `/api/workflows/${id}/stop`)).json.status).toBe('STOPPED');
    expect((await running.call('POST', `/api/workflows/${id}/resume`, { body: {} })).json.status).toBe('PENDING');
    running.engine.settle(id, 'FAILED');
    expect((await running.call('POST', `/api/workflows/${id}/retry`)).status).toBe(200);
  });

  it('raises a budget with resume, and refuses what is none', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    await running.call('POST', `/api/workflows/${id}/stop`);
    const refused = await running.call('POST', `/api/workflows/${id}/resume`, { body: { budget: { euros: 1 } } });
    expect([refused.status, refused.json.code]).toEqual([422, 'INVALID']);
    const raised = await running.call('POST', `/api/workflows/${id}/resume`, { body: { budget: { usd: 2 } } });
    expect(raised.status).toBe(200);
    expect(running.engine.callsOf('resume')).toEqual([[id, { budget: { usd: 2 } }]]);
  });

  it.each(['stop', 'resume', 'retry'])('answers 409 where the status does not allow %s', async (verb) => {
    const running = await startServer();
    const id = await createWorkflow(running);
    running.engine.settle(id, 'COMPLETED');
    const answer = await running.call('POST', `/api/workflows/${id}/${verb}`);
    expect([answer.status, answer.json.code]).toEqual([409, 'CONFLICT']);
  });

  it.each(['stop', 'resume', 'retry'])('refuses a field in the body of %s', async (verb) => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const answer = await running.call('POST', `/api/workflows/${id}/${verb}`, { body: { force: true } });
    expect([answer.status, answer.json.errors[0].path]).toEqual([422, 'force']);
  });

  it('branches into a new workflow', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const body = { stepId: 'only', params: { x: 1 } };
    const answer = await running.call('POST', `/api/workflows/${id}/branches`, { body });
    expect(answer.status).toBe(201);
    expect(answer.json.parentId).toBe(id);
    expect(answer.headers.location).toBe(`/api/workflows/${answer.json.id}`);
    expect(running.engine.callsOf('branch')[0]).toEqual([id, body, {}]);
    const bad = await running.call('POST', `/api/workflows/${id}/branches`, { body: { stepId: '', more: 1 } });
    expect(bad.json.errors.map((each: { path: string }) => each.path)).toEqual(['stepId', 'more']);
  });

  it('deletes with 204 and no body, and then knows it no more', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const answer = await running.call('DELETE', `/api/workflows/${id}`);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await running.call('GET', `/api/workflows/${id}`)).status).toBe(404);
    expect(running.engine.callsOf('delete')).toEqual([[id, {}]]);
  });

  it('hands on the version that a deletion is for', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    for (const [query, path] of [
      ['version=0', 'version'],
      ['version=x', 'version'],
      ['versions=1', 'versions'],
    ]) {
      const bad = await running.call('DELETE', `/api/workflows/${id}?${query}`);
      expect([bad.status, bad.json.errors[0].path]).toEqual([422, path]);
    }
    expect((await running.call('DELETE', `/api/workflows/${id}?version=12`)).status).toBe(204);
    expect(running.engine.callsOf('delete')).toEqual([[id, { version: 12 }]]);
  });
});

describe('refusals of the engine', () => {
  const passedOn = Object.keys(refusalTable) as RefusalCode[];
  it.each(passedOn)('answers %s as a problem with its status', async (code) => {
    const running = await startServer();
    const errors = [{ path: 'steps[1].id', message: 'is taken' }];
    running.engine.failWith('get', new Refusal({ code, detail: 'What to do', errors, retryAfterSeconds: 1.2 }));
    const answer = await running.call('GET', `/api/workflows/${unknownId}`);
    const { status, title } = refusalTable[code];
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.headers['retry-after']).toBe('2');
    expect(answer.json).toEqual({
      type: `urn:hybrid-engine:${code.toLowerCase()}`,
      title,
      status,
      detail: 'What to do',
      code,
      errors,
    });
  });

  it('PR2: tells an unexpected error as a correlation id, and logs the rest under it', async () => {
    const running = await startServer();
    running.engine.failWith('get', new Error('the secret /home/someone/key'));
    const answer = await running.call('GET', `/api/workflows/${unknownId}`);
    expect(answer.status).toBe(500);
    expect(answer.text).not.toMatch(/secret|home|at /);
    const id = answer.json.instance.replace('urn:uuid:', '');
    expect(answer.json.detail).toContain(id);
    const line = running.logLines.find((each) => each.includes(id));
    expect(line).toContain('the secret /home/someone/key');
    expect(line).toContain('stack');
  });
});

describe('methods and paths', () => {
  it('answers HEAD like GET, without the body', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    for (const path of ['/api/health', '/api/workflows', `/api/workflows/${id}`, '/docs', '/openapi.json']) {
      const [get, head] = [await running.call('GET', path), await running.call('HEAD', path)];
      expect([path, head.status, head.text]).toEqual([path, 200, '']);
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
    }
    expect((await running.call('HEAD', `/api/workflows/${unknownId}`)).status).toBe(404);
    expect((await running.call('HEAD', '/api/events')).headers['content-type']).toBe('text/event-stream');
  });

  it('answers 405 with Allow for a method that a path does not know', async () => {
    const running = await startServer();
    const answer = await running.call('PUT', `/api/workflows/${unknownId}`);
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('DELETE, GET, HEAD, OPTIONS');
    expect(answer.json.code).toBe('METHOD_NOT_ALLOWED');
    const options = await running.call('OPTIONS', '/api/workflows');
    expect([options.status, options.headers.allow]).toEqual([204, 'GET, HEAD, OPTIONS, POST']);
  });

  it.each(['/', '/api', '/api/nope', '/API/health', '/api/workflows/a/b/c', '//api/health', '/%'])(
    'answers 404 as a problem for %s',
    async (path) => {
      const running = await startServer();
      const answer = await running.call('GET', path);
      expect([answer.status, answer.json.code]).toEqual([404, 'NOT_FOUND']);
    },
  );

  it('refuses a body where a method takes none', async () => {
    const running = await startServer();
    expect((await running.call('GET', '/api/health', { body: {} })).status).toBe(400);
  });
});
