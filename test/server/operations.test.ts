// Goal: those who run the engine see how it is; the documentation page works without any network.
import { describe, expect, it } from 'vitest';
import { createWorkflow, startServer } from './running-server.ts';

describe('GET /api/health', () => {
  it('says that it is well, since when, and which version', async () => {
    const running = await startServer();
    const { status, json } = await running.call('GET', '/api/health');
    expect(status).toBe(200);
    expect(json).toMatchObject({ status: 'healthy', version: '1.2.3', notices: [] });
    expect(new Date(json.timestamp).toISOString()).toBe(json.timestamp);
    expect(json.uptime_seconds).toBeGreaterThan(0);
  });

  it('says what is wrong', async () => {
    const running = await startServer();
    running.engine.healthNotices = ['the disk is full'];
    expect((await running.call('GET', '/api/health')).json).toMatchObject({
      status: 'degraded',
      notices: ['the disk is full'],
    });
  });
});

describe('GET /api/queue', () => {
  it('tells how much waits and how much runs', async () => {
    const running = await startServer();
    await createWorkflow(running);
    const { json } = await running.call('GET', '/api/queue');
    expect(json).toEqual({ depth: 1, running: 0, max_parallel_nodes: 4, oldest_wait_ms: 0, held: [] });
  });
});

describe('template files with faults', () => {
  const problem = { file: 'b.yaml', ids: ['bee', 'b'], path: 'name', message: 'is missing', line: 3, column: 1 };

  it('are in health, and in the list of templates after those that can be run', async () => {
    const running = await startServer();
    const other = { ...problem, path: 'steps', line: null, column: null };
    const ofDirectory = { ...problem, file: '', ids: [] };
    running.engine.templateFaults = [problem, ofDirectory, other];
    expect((await running.call('GET', '/api/health')).json.problems).toEqual([problem, ofDirectory, other]);
    const [sound, ...faulty] = (await running.call('GET', '/api/templates')).json;
    expect(sound).not.toHaveProperty('problems');
    expect(faulty).toEqual([
      { id: 'bee', name: 'b.yaml', description: '', params: {}, steps: [], problems: [problem, other] },
    ]);
  });

  it('are not told by health where a token is set', async () => {
    const running = await startServer({ settings: { apiToken: 'secret-token' } });
    running.engine.templateFaults = [problem];
    const { json } = await running.call('GET', '/api/health');
    expect(Object.keys(json).sort()).toEqual(['auth', 'status', 'timestamp']);
  });
});

describe('the catalogue', () => {
  it('lists templates and actions', async () => {
    const running = await startServer();
    const [template] = (await running.call('GET', '/api/templates')).json;
    expect(template).toMatchObject({ id: 'two-steps', name: 'Two steps', description: '', params: { type: 'object' } });
    expect(template.steps).toHaveLength(2);
    expect((await running.call('GET', '/api/templates/two-steps')).json).toEqual(template);
    expect((await running.call('GET', '/api/actions')).json).toEqual([
      { action: 'noop', lane: 'io', description: 'does nothing', params: { type: 'object' }, secrets: [] },
    ]);
  });

  it('lists the names of secrets, and nothing else of them', async () => {
    const running = await startServer();
    const answer = await running.call('GET', '/api/secrets');
    expect([answer.status, answer.json]).toEqual([200, [{ name: 'GITHUB_TOKEN' }]]);
  });

  it.each(['none', '..%2f..%2fetc%2fpasswd', '__proto__', '%00', 'x'.repeat(200)])(
    'knows no template %s',
    async (id) => {
      const running = await startServer();
      const answer = await running.call('GET', `/api/templates/${id}`);
      expect([answer.status, answer.json.code]).toEqual([404, 'NOT_FOUND']);
    },
  );
});

describe('GET /metrics', () => {
  it('shows the process, the calls by route pattern, and the engine', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    await running.call('GET', `/api/workflows/${id}`);
    await running.call('GET', '/nowhere/at/all');
    await running.call('GET', '/metrics');
    const { status, headers, text } = await running.call('GET', '/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/plain/);
    const count = (labels: string) =>
      text.match(new RegExp(`^hybrid_engine_http_request_duration_seconds_count\\{${labels}\\} (\\d+)$`, 'm'))?.[1];
    expect(count('method="GET",route="/api/workflows/\\{id\\}",status="200"')).toBe('1');
    expect(count('method="POST",route="/api/workflows",status="201"')).toBe('1');
    expect(count('method="GET",route="none",status="404"')).toBe('1');
    expect(text).not.toContain(id);
    expect(text).not.toContain('nowhere');
    expect(text).toMatch(/^process_resident_memory_bytes \d+/m);
    expect(text).toMatch(/^hybrid_engine_workflows\{status="PENDING"\} 1$/m);
    expect(text).toMatch(/^hybrid_engine_queue_depth 1$/m);
    expect(text).toMatch(/^# TYPE hybrid_engine_steps_completed_total counter$/m);
    // Scraped twice, shown as it is: the engine's counts are not added up.
    expect(text).toMatch(/^hybrid_engine_steps_completed_total 18$/m);
  });
});

describe('the access log', () => {
  it('has one line per request, with nothing of what the client sent', async () => {
    const running = await startServer({ settings: { apiToken: 'canary' } });
    const headers = { Authorization: 'Bearer canary', 'Idempotency-Key': 'canary' };
    const body = { name: 'canary', steps: [{ id: 'a', action: 'noop' }] };
    await running.call('POST', '/api/workflows?canary=1', { headers, body });
    await running.call('GET', '/canary', { headers });
    const lines = running.logLines.map((line) => JSON.parse(line)).filter((line) => line.msg === 'request');
    expect(lines).toMatchObject([
      { level: 20, method: 'POST', route: '/api/workflows', status: 422 },
      { level: 20, method: 'GET', route: 'none', status: 404 },
    ]);
    expect(Object.keys(lines[0])).toEqual(expect.arrayContaining(['ms']));
    expect(running.logLines.join('')).not.toContain('canary');
  });
});

describe('the documentation', () => {
  it('is a page whose every file comes from here', async () => {
    const running = await startServer();
    const page = await running.call('GET', '/docs');
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'; script-src 'self'");
    expect(policy).not.toMatch(/https?:|\*|unsafe/);
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((each) => each[1] ?? '');
    expect(links).toHaveLength(5);
    for (const link of links) {
      expect(link).toMatch(/^\//);
      const file = await running.call('GET', link);
      expect([link, file.status]).toEqual([link, 200]);
      expect(file.headers['x-content-type-options']).toBe('nosniff');
    }
    expect(page.text).not.toMatch(/<script>|style=|https?:/);
    expect((await running.call('GET', '/docs/start.js')).text).toContain('validatorUrl: null');
  });

  it.each(['package.json', '..%2fpackage.json', '%2e%2e%2fpackage.json', 'index.html', '__proto__', 'x'])(
    'does not give out %s',
    async (name) => {
      const running = await startServer();
      const answer = await running.call('GET', `/docs/${name}`);
      expect([answer.status, answer.json.code]).toEqual([404, 'NOT_FOUND']);
    },
  );
});

describe('GET /api/costs', () => {
  it('adds up what was asked for', async () => {
    const running = await startServer();
    const answer = await running.call('GET', '/api/costs?from=2026-01-01&to=2026-01-31&by=model');
    expect([answer.status, answer.json.by, answer.json.rows[0].key]).toEqual([200, 'model', 'model']);
    expect(running.engine.callsOf('costs')).toEqual([[{ from: '2026-01-01', to: '2026-01-31', by: 'model' }]]);
    await running.call('GET', '/api/costs');
    expect(running.engine.callsOf('costs')[1]).toEqual([{ by: 'day' }]);
  });

  it.each(['from=31.1.2026', 'to=2026-02-30', 'by=colour', 'from=2026-02-01&to=2026-01-01', 'by=day&by=model'])(
    'refuses ?%s',
    async (query) => {
      const running = await startServer();
      const answer = await running.call('GET', `/api/costs?${query}`);
      expect([answer.status, answer.json.code]).toEqual([422, 'INVALID']);
      expect(running.engine.callsOf('costs')).toEqual([]);
    },
  );
});
