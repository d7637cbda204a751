/**
 * Goal: what commands ask a server for, and the whole of what they print, in text and as JSON. Method: each command in this
 * process against a server of a few lines, which remembers what it was asked; every figure is another one.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clients } from '../../src/cli/clients.ts';
import { ComingSteps } from '../../src/cli/coming-steps.ts';
import type { CliContext } from '../../src/cli/context.ts';
import { costs } from '../../src/cli/costs.ts';
import { decide } from '../../src/cli/decide.ts';
import { toFaultLine } from '../../src/cli/definition-file.ts';
import { schedules } from '../../src/cli/schedules.ts';
import type { EngineEvent } from '../../src/contract/event.ts';
import type { WorkflowStep } from '../../src/contract/workflow.ts';

let server: Server;
let url: string;
let asked: string[];
let answers: Record<string, unknown>;
beforeEach(async () => {
  asked = [];
  answers = {};
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const line = `${request.method} ${request.url}`;
    asked.push(body === '' ? line : `${line} ${body}`);
    const answer = answers[line];
    response.writeHead(answer === undefined ? 204 : 200, { 'content-type': 'application/json' });
    response.end(answer === undefined ? '' : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

/** What a command prints. Its connection is closed when it ends, or the server would not close after the test. */
async function printed(run: (context: CliContext, url: string) => Promise<unknown>): Promise<string> {
  let text = '';
  const stdout = {
    write(piece: string) {
      text += piece;
    },
  };
  await run({ env: {}, cwd: '/nowhere', stdout, stderr: stdout } as unknown as CliContext, url);
  return text;
}

const usage = (message: string) => expect.objectContaining({ exitStatus: 2, message });

describe('clients', () => {
  const client = { id: 'client_1', name: 'Chrome', scope: 'capture', created_at: 'c1', origin: 'chrome-extension://x' };
  const program = { id: 'client_2', name: 'backup', scope: 'read', created_at: 'c2', last_used_at: 'l2', origin: null };

  test('are a table, or JSON', async () => {
    const all = [{ ...client, last_used_at: null }, program];
    answers['GET /api/clients'] = all;
    expect(await printed((context, server) => clients(undefined, undefined, { server }, context))).toBe(
      [
        'ID        NAME    SCOPE    PAIRED  LAST USED  ORIGIN\n',
        'client_1  Chrome  capture  c1      never      chrome-extension://x\n',
        'client_2  backup  read     c2      l2         -\n',
      ].join(''),
    );
    expect(await printed((context, server) => clients('list', undefined, { server, json: true }, context))).toBe(
      `${JSON.stringify(all, null, 2)}\n`,
    );
    answers['GET /api/clients'] = [];
    expect(await printed((context, server) => clients('list', undefined, { server }, context))).toBe(
      'nobody is paired\n',
    );
  });

  test('are revoked by their id', async () => {
    expect(await printed((context, server) => clients('revoke', 'a/b', { server }, context))).toBe('a/b is revoked\n');
    expect(await printed((context, server) => clients('revoke', 'x', { server, json: true }, context))).toBe(
      '{"revoked":"x"}\n',
    );
    expect(asked).toEqual(['DELETE /api/clients/a%2Fb', 'DELETE /api/clients/x']);
    const wrong = (what: string | undefined, id?: string) =>
      printed((context, server) => clients(what, id, { server }, context));
    await expect(wrong('list', 'x')).rejects.toEqual(usage('list takes no id'));
    await expect(wrong(undefined, 'x')).rejects.toEqual(usage('list takes no id'));
    await expect(wrong('revoke')).rejects.toEqual(usage('which client? hybrid-engine clients revoke <id>'));
    await expect(wrong('drop')).rejects.toEqual(usage('"drop" is none of list, revoke'));
  });
});

describe('costs', () => {
  const sum = (n: number, more = {}) => ({
    ...{
      calls: n,
      unpriced_calls: 0,
      tokens: 0,
      input_tokens: 10 * n,
      cached_input_tokens: 20 * n,
      cache_write_tokens: 0,
    },
    ...{ output_tokens: 30 * n, reasoning_tokens: 0, cost: n / 8, cost_is_floor: false, ...more },
  });

  test('are rows and a total, with at least two decimals', async () => {
    const floor = { cost: 0.0000012, cost_is_floor: true, unpriced_calls: 2 };
    const reply = {
      by: 'model',
      rows: [
        { key: 'a', ...sum(1) },
        { key: 'b', ...sum(2, floor) },
      ],
      total: sum(7, floor),
    };
    answers['GET /api/costs?from=2026-01-01&by=model'] = reply;
    const query = { from: '2026-01-01', by: 'model' as const };
    expect(await printed((context, server) => costs({ ...query, server }, context))).toBe(
      [
        'MODEL  CALLS  INPUT  CACHED  OUTPUT  US DOLLARS\n',
        'a      1      10     20      30      0.125\n',
        'b      2      20     40      60      >= 0.0000012\n',
        'total  7      70     140     210     >= 0.0000012\n',
        'at least: the price of 2 calls is not known\n',
      ].join(''),
    );
    expect(JSON.parse(await printed((context, server) => costs({ ...query, server, json: true }, context)))).toEqual(
      reply,
    );
  });

  test('of nothing are 0.00, and a cent is one', async () => {
    answers['GET /api/costs?by=day'] = { by: 'day', rows: [{ key: 'd', ...sum(0, { cost: 0.01 }) }], total: sum(0) };
    const lines = (await printed((context, server) => costs({ by: 'day', server }, context))).split('\n');
    expect(lines.slice(1, 3).map((line) => line.split(/\s+/).at(-1))).toEqual(['0.01', '0.00']);
    expect(lines).toHaveLength(4);
  });
});

describe('decide', () => {
  const path = 'POST /api/workflows/w/steps/s/decision';
  const run = (options: object, json = false) =>
    printed((context, server) => decide('w', 's', { ...options, server, json }, context));

  test('approves or rejects, and sends what is given, empty or not', async () => {
    answers[path] = { id: 's', status: 'COMPLETED' };
    expect(await run({ approve: true })).toBe('s approved\n');
    expect(await run({ reject: true, by: '', comment: '', data: 'null' })).toBe('s rejected\n');
    expect(JSON.parse(await run({ approve: true, by: 'Ann', comment: 'ok', data: '{"a":0}' }, true))).toEqual(
      answers[path],
    );
    expect(asked).toEqual([
      `${path} {"approved":true}`,
      `${path} {"approved":false,"by":"","comment":"","data":null}`,
      `${path} {"approved":true,"by":"Ann","comment":"ok","data":{"a":0}}`,
    ]);
  });

  test('wants one of the two, and data that is JSON', async () => {
    const either = usage('say either --approve or --reject');
    await expect(run({})).rejects.toEqual(either);
    await expect(run({ approve: true, reject: true })).rejects.toEqual(either);
    await expect(run({ approve: true, data: 'yes' })).rejects.toMatchObject({ exitStatus: 2 });
    await expect(run({ approve: true, data: '@absent.json' })).rejects.toMatchObject({
      exitStatus: 2,
      message: 'absent.json cannot be read (ENOENT)',
    });
    expect(asked).toEqual([]);
  });
});

describe('schedules', () => {
  const one = (template: string, more: object) => ({
    ...{
      template,
      cron: '0 7 * * *',
      timezone: 'UTC',
      enabled: true,
      paused: false,
      next: null,
      last: null,
      queued: [],
      passed: [],
    },
    ...more,
  });
  const run = (what?: string, template?: string) =>
    printed((context, server) => schedules(what, template, { server }, context));

  test('are a table with their notices', async () => {
    answers['GET /api/schedules'] = [
      one('a', {
        next: 'n1',
        last: { slot: 's1', workflow_id: 'w1' },
        passed: [
          { slot: 'p1', why: 'missed' },
          { slot: 'p2', why: 'x' },
        ],
      }),
      one('b', { paused: true }),
      one('c', { enabled: false, next: 'n3', notice: 'c says something' }),
      one('d', {}),
    ];
    const text = await run();
    expect(text.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['TEMPLATE', 'CRON', 'TIME ZONE', 'NEXT', 'LAST', 'WORKFLOW', 'PASSED'],
      ['a', '0 7 * * *', 'UTC', 'n1', 's1', 'w1', 'p1 missed'],
      ['b', '0 7 * * *', 'UTC', 'paused', '-', '-', '-'],
      ['c', '0 7 * * *', 'UTC', 'not enabled', '-', '-', '-'],
      ['d', '0 7 * * *', 'UTC', 'none', '-', '-', '-'],
      ['c says something'],
      [''],
    ]);
    answers['GET /api/schedules'] = [];
    expect(await run('list')).toBe('no template has a schedule\n');
  });

  test('are paused, resumed and triggered, each by its own call', async () => {
    answers['POST /api/schedules/a/pause'] = one('a', { paused: true });
    answers['POST /api/schedules/a/resume'] = one('a', { next: 'n1' });
    answers['POST /api/schedules/a/trigger'] = { workflow_id: 'w1', slot: 's1' };
    expect([await run('pause', 'a'), await run('resume', 'a'), await run('trigger', 'a')]).toEqual([
      'a is paused\n',
      'a goes on; next slot: n1\n',
      'a slot s1: workflow w1\n',
    ]);
    answers['POST /api/schedules/a/resume'] = one('a', { next: 'n1', enabled: false });
    answers['POST /api/schedules/a/trigger'] = { workflow_id: null, slot: 's2' };
    expect([await run('resume', 'a'), await run('trigger', 'a')]).toEqual([
      'a goes on; next slot: none, its file says enabled: false\n',
      'a slot s2: waits until the workflow that runs has finished\n',
    ]);
    expect(asked).toHaveLength(5);
    await expect(run('pause')).rejects.toEqual(usage('which schedule? hybrid-engine schedules pause <template>'));
    await expect(run('list', 'a')).rejects.toEqual(usage('list takes no template'));
    await expect(run('stop')).rejects.toEqual(usage('"stop" is none of list, pause, resume, trigger'));
  });
});

test('a fault is named by file, line, column and path', () => {
  const fault = { path: 'steps', message: 'is missing', position: { line: 3, column: 7 } } as never;
  expect(toFaultLine('a.yaml', fault)).toBe('a.yaml:3:7: steps: is missing');
  expect(toFaultLine('a.yaml', { path: '', message: 'is empty', position: undefined } as never)).toBe(
    'a.yaml: is empty',
  );
});

test('a list tells all of its items, a loop the round that begins, and each step of them by its id', () => {
  const coming = new ComingSteps();
  const inner = [
    { id: 'x', action: 'noop' },
    { id: 'y', forEach: [1], action: 'delay' },
  ];
  coming.note({ id: 'list', forEach: [], body: inner } as unknown as WorkflowStep);
  coming.note({ id: 'plain', forEach: [], action: 'render' } as unknown as WorkflowStep);
  coming.note({ id: 'loop', repeat: {}, body: [{ id: 'x', action: 'noop' }] } as unknown as WorkflowStep);
  const after = (event: Partial<EngineEvent>) =>
    coming.after(event as EngineEvent).map(({ id, action }) => `${id} ${action}`);
  expect(after({ kind: 'step.mapped', step_id: 'list', count: 2 })).toEqual([
    ...['list.0.x noop', 'list.0.y delay', 'list.1.x noop', 'list.1.y delay'],
  ]);
  expect(after({ kind: 'step.mapped', step_id: 'list.1.y', count: 1 })).toEqual(['list.1.y.0 delay']);
  expect(after({ kind: 'step.mapped', step_id: 'plain', count: 2 })).toEqual(['plain.0 render', 'plain.1 render']);
  expect(after({ kind: 'step.repeated', step_id: 'loop', round: 0 })).toEqual(['loop.0.x noop']);
  expect(after({ kind: 'step.repeated', step_id: 'loop', round: 3 })).toEqual(['loop.3.x noop']);
  expect(after({ kind: 'step.repeated', step_id: 'loop' })).toEqual([]);
  expect(after({ kind: 'step.completed', step_id: 'list' })).toEqual([]);
});
