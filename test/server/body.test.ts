// Goal: a body is taken up to its bounds and refused one byte, one level, one token beyond; what is not plain UTF-8
// JSON never reaches the engine. Method: real requests, with the production bounds where they are affordable.
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { createWorkflow, oneStep, startServer } from './running-server.ts';

const json = { 'Content-Type': 'application/json' };

function padded(bytes: number): string {
  const [head, tail] = ['{"content":"', '"}'];
  return `${head}${'x'.repeat(bytes - head.length - tail.length)}${tail}`;
}

describe('BO2: the size of a body', () => {
  it.each([
    [-1, 201],
    [0, 201],
    [1, 413],
  ])('of external data may be 8 MiB: %i bytes beyond is %i', async (beyond, status) => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const body = padded(limits.creatingBodyBytesMax + beyond);
    const answer = await running.call('POST', `/api/workflows/${id}/external-data`, { headers: json, body });
    expect(answer.status).toBe(status);
    if (status === 413) expect(answer.json.detail).toContain('8388608 bytes');
  });

  it.each([
    [-1, 200],
    [0, 200],
    [1, 413],
  ])('of other calls may be 1 MiB: %i bytes beyond is %i', async (beyond, status) => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const body = `{${' '.repeat(limits.bodyBytesMax + beyond - 2)}}`;
    expect((await running.call('POST', `/api/workflows/${id}/stop`, { headers: json, body })).status).toBe(status);
  });

  it.each([
    [100, 200],
    [101, 413],
  ])('is counted as it comes when no length is announced: %i bytes is %i', async (bytes, status) => {
    const running = await startServer({ bounds: { bodyBytesMax: 100 } });
    const id = await createWorkflow(running);
    const head = `POST /api/workflows/${id}/stop HTTP/1.1\r\nHost: localhost:${running.port}\r\nConnection: close\r\n`;
    const body = `{${' '.repeat(bytes - 2)}}`;
    const chunks = [...body].map((character) => `1\r\n${character}\r\n`).join('');
    const text = await running.raw(
      `${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
    );
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it('is refused at once when too much is announced', async () => {
    const running = await startServer();
    const headers = { ...json, 'Content-Length': '99999999999999' };
    const answer = await running.call('POST', '/api/workflows', { headers, withholdBody: true });
    expect([answer.status, answer.headers.connection]).toEqual([413, 'close']);
  });

  it('does not grow on the way in: no content coding is undone', async () => {
    const running = await startServer();
    const body = gzipSync(Buffer.alloc(20_000_000));
    for (const coding of ['gzip', 'br', 'deflate', 'zstd', 'gzip, gzip', 'x-made-up']) {
      const headers = { ...json, 'Content-Encoding': coding };
      expect((await running.call('POST', '/api/workflows', { headers, body })).status).toBe(415);
    }
    const headers = { ...json, 'Content-Encoding': 'identity' };
    const plain = JSON.stringify(oneStep);
    expect((await running.call('POST', '/api/workflows', { headers, body: plain })).status).toBe(201);
  });
});

describe('BO3: the shape of a body', () => {
  it.each([
    [63, 201],
    [64, 201],
    [65, 422],
    [5_000, 422],
  ])('nested %i deep is answered with %i', async (depth, status) => {
    const running = await startServer();
    // The body, its steps, the step and its params are four of the levels.
    const inner = `${'['.repeat(depth - 4)}${']'.repeat(depth - 4)}`;
    const body = `{"name":"x","steps":[{"id":"a","action":"noop","params":{"x":${inner}}}]}`;
    const answer = await running.call('POST', '/api/workflows', { headers: json, body });
    expect(answer.status).toBe(status);
    if (status === 422) expect(answer.json.detail).toContain('64 levels');
  });

  it('may hold so many tokens and no more', async () => {
    const running = await startServer({ bounds: { bodyTokensMax: 10, creatingBodyTokensMax: 1_000 } });
    const id = await createWorkflow(running);
    const stop = (body: string) => running.call('POST', `/api/workflows/${id}/stop`, { headers: json, body });
    const refused = await stop('{"a":[1,2,3]}');
    expect([refused.status, refused.json.code]).toEqual([413, 'TOO_LARGE']);
    expect((await stop('{"a":[1,2]}')).status).toBe(422);
    const many = `{${Array.from({ length: 1_000 }, (_, at) => `"k${at}":1`).join()}}`;
    expect((await running.call('POST', '/api/workflows', { headers: json, body: many })).status).toBe(413);
  });

  it('may hold so many keys and steps and no more, on every route', async () => {
    const running = await startServer({ bounds: { bodyKeysMax: 60, bodyKeysOfOneMax: 20 } });
    const id = await createWorkflow(running);
    const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at]));
    const detailOf = async (path: string, body: unknown) => {
      const answer = await running.call('POST', path, { body });
      expect([path, answer.status]).toEqual([path, 413]);
      return answer.json.detail;
    };
    for (const path of ['/api/workflows', '/api/workflows/from-template?template_id=noop']) {
      expect(await detailOf(path, { params: keys(21) })).toContain('at most 20 keys in one object');
      expect(await detailOf(path, { a: keys(20), b: keys(20), c: keys(18) })).toContain('at most 60 keys');
    }
    for (const call of ['branches', 'external-data', 'stop', 'resume', 'retry']) {
      expect(await detailOf(`/api/workflows/${id}/${call}`, keys(21))).toContain('at most 20 keys in one object');
    }
    const made = await running.call('POST', '/api/workflows/from-template?template_id=noop', { body: keys(20) });
    expect(made.status).toBe(201);
    const steps = await running.call('POST', '/api/workflows', { body: { name: 'x', steps: Array(20_001).fill(1) } });
    expect([steps.status, steps.json.errors]).toEqual([
      422,
      [{ path: 'steps', message: 'there can be at most 20000 steps' }],
    ]);
    expect(running.engine.callsOf('submit')).toHaveLength(1);
  });

  it('of twenty thousand steps is not too much', async () => {
    const running = await startServer();
    const steps = Array.from({ length: limits.stepsMax }, (_, at) => ({
      id: `step-${at}`,
      name: `Step ${at}`,
      action: 'noop',
      dependencies: at === 0 ? [] : [`step-${at - 1}`],
      params: { a: 1, b: [1, 2, 3], c: { d: 'x' } },
      retry: { attemptsMax: 3, backoffMs: 100 },
    }));
    const body = { name: 'many', steps };
    expect((await running.call('POST', '/api/workflows', { body })).status).toBe(201);
  });

  it.each([
    '{"name":"x","steps":[],"__proto__":{"polluted":1}}',
    '{"name":"x","steps":[{"id":"a","action":"noop","params":{"\\u005f_proto__":{"polluted":1}}}]}',
    '{"name":"x","steps":[],"constructor":{"prototype":{"polluted":1}}}',
    '{"name":"x","steps":[],"params":{"prototype":1}}',
  ])('is refused with the key in %s', async (body) => {
    const running = await startServer();
    const answer = await running.call('POST', '/api/workflows', { headers: json, body });
    expect(answer.status).toBe(422);
    expect(answer.json.detail).toMatch(/__proto__|constructor|prototype/);
    expect(running.engine.calls).toEqual([]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each(['{', '{"a":}', 'x', '{"a":1}}', "{'a':1}", '{"a":1,}', '{"a":01}', '\u0000', 'undefined', ' '])(
    'that is not JSON is refused with 400: %j',
    async (body) => {
      const running = await startServer();
      const answer = await running.call('POST', '/api/workflows', { headers: json, body });
      expect([answer.status, answer.json.code]).toEqual([400, 'BAD_JSON']);
      expect(running.engine.calls).toEqual([]);
    },
  );

  it.each(['1', 'null', '"x"', 'true', '[]', '[{}]'])('that is no object is refused with 422: %s', async (body) => {
    const running = await startServer();
    expect((await running.call('POST', '/api/workflows', { headers: json, body })).status).toBe(422);
  });

  it.each([
    [0x22, 0xff, 0x22],
    [0x22, 0xc0, 0xaf, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0x22, 0xe2, 0x82, 0x22],
  ])('that is not UTF-8 is refused with 400: %j', async (...bytes) => {
    const running = await startServer();
    const body = Buffer.concat([Buffer.from('{"name":'), Buffer.from(bytes), Buffer.from(',"steps":[]}')]);
    const answer = await running.call('POST', '/api/workflows', { headers: json, body });
    expect([answer.status, answer.json.detail]).toEqual([400, expect.stringContaining('UTF-8')]);
  });

  it('reaches the engine unchanged, whatever characters it holds', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const content = 'ä€𝄞\u0000\u2028 "quoted" \\ \r\n\t \ufeff';
    await running.call('POST', `/api/workflows/${id}/external-data`, { body: { content } });
    expect(running.engine.callsOf('externalData')[0]?.[1]).toMatchObject({ content });
  });
});

describe('BO1: the media type of a body', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/json; charset="UTF-8"',
  ])('may be %s', async (type) => {
    const running = await startServer();
    const headers = { 'Content-Type': type };
    const body = JSON.stringify(oneStep);
    expect((await running.call('POST', '/api/workflows', { headers, body })).status).toBe(201);
  });
});
