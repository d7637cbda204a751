/**
 * Goal: `serve` serves, and `run --server`, `list` and `show` work on it as on an engine of one's own. Method: a real
 * server process on a free port, asked by real command processes.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCli, startCli } from './cli-process.ts';

// Each command is a process from source, which a busy machine makes slow.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const token = 'canary-token-of-the-test';
const leapTemplate = `id: leap
name: Leap day
schedule: { cron: '0 12 29 2 *', timezone: UTC, params: { day: '{{slot}}' } }
params: { type: object, properties: { day: { type: string } } }
steps: [{ id: wait, action: external_data, params: { day: '{{params.day}}' } }]
`;
let cwd: string;
let server: ChildProcess;
let url: string;
let closed: Promise<unknown>;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'hybrid-cli-server-'));
  // Those that are shipped, and one with a schedule: its next slot is some years away.
  await cp('workflows/templates', join(cwd, 'workflows/templates'), { recursive: true });
  await writeFile(join(cwd, 'workflows/templates/leap.yaml'), leapTemplate);
  server = startCli(['serve', '--port', '0', '--data', 'data'], { cwd, env: { API_TOKEN: token, LOG_LEVEL: 'fatal' } });
  closed = once(server, 'close');
  server.stderr?.resume();
  for await (const line of createInterface({ input: server.stdout! })) {
    const match = /^Hybrid Engine \S+ listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line);
    if (match?.[1] === undefined) continue;
    url = match[1];
    break;
  }
  server.stdout?.resume();
});
afterAll(async () => {
  if (server.exitCode === null && server.signalCode === null) server.kill('SIGKILL');
  await closed;
  await rm(cwd, { recursive: true, force: true });
});

const cli = (args: string[], env: Record<string, string> = { API_TOKEN: token }) =>
  runCli([...args, '--server', url], { cwd, env });

test('run, list and show on a server; without its token they end with 1 and say what is missing', async () => {
  await writeFile(
    join(cwd, 'page.html'),
    '<html><head><title>Tea</title></head><body><p>Tea is a drink made from leaves.</p></body></html>',
  );
  const run = await cli(['run', 'page-digest', '--param', 'html=@page.html', '--param', 'keywords=2']);
  expect(run.stderr).toMatch(/\[6\/6\] report \(render\) COMPLETED.*\nworkflow \S+ COMPLETED: 6 of 6 steps/s);
  expect(run.stderr).not.toContain('no live events');
  expect(run.stdout).toMatch(/^# Tea\n.*Tea is a drink made from leaves\..*tea, drink\n/s);
  expect(run.status).toBe(0);
  const id = /^workflow (\S+)/.exec(run.stderr)?.[1] ?? '';

  const list = await cli(['list', '--status', 'COMPLETED']);
  expect(list.stdout).toMatch(/^ID +STATUS +DONE +STEPS +UPDATED +NAME\n/);
  expect(list.stdout).toMatch(new RegExp(`\\n${id}  COMPLETED  100 %  6 +\\S+  Digest of a page\\n$`));
  expect(list.status).toBe(0);

  const show = await cli(['show', id]);
  expect(show.stdout).toMatch(/^id +\S+\nname +Digest of a page\nstatus +COMPLETED, 100 % of 6 steps\n/);
  expect(show.stdout).toMatch(
    /\nSTEP +ACTION +STATUS +ATTEMPT +DURATION +ERROR OR REASON\nextract +html_extract +COMPLETED +1 /,
  );
  expect(JSON.parse((await cli(['show', id, '--json'])).stdout)).toMatchObject({ id, templateId: 'page-digest' });

  const stranger = await cli(['show', id], {});
  expect(stranger).toMatchObject({ status: 1, stdout: '' });
  expect(stranger.stderr).toMatch(/set API_TOKEN to the token/);
});

test('schedules are listed, paused, resumed and triggered', async () => {
  const list = await cli(['schedules']);
  expect(list.stdout).toMatch(/^TEMPLATE +CRON +TIME ZONE +NEXT +LAST +WORKFLOW +PASSED\n/);
  expect(list.stdout).toMatch(/\nleap +0 12 29 2 \* +UTC +2\d{3}-02-29T12:00:00\.000Z +- +- +-\n/);
  expect(list).toMatchObject({ status: 0, stderr: '' });

  expect(await cli(['schedules', 'pause', 'leap'])).toMatchObject({ status: 0, stdout: 'leap is paused\n' });
  const [paused] = JSON.parse((await cli(['schedules', 'list', '--json'])).stdout);
  expect(paused).toMatchObject({ template: 'leap', paused: true, next: null, last: null });

  // Also while it is paused; what waits for data does not end, and the schedule's overlap is skip.
  const triggered = await cli(['schedules', 'trigger', 'leap']);
  const [, slot = '', id = ''] = /^leap slot (\S+): workflow (\S+)\n$/.exec(triggered.stdout) ?? [];
  expect(triggered.status).toBe(0);
  const workflow = JSON.parse((await cli(['show', id, '--json'])).stdout);
  expect(workflow).toMatchObject({ templateId: 'leap', params: { day: slot } });
  const again = await cli(['schedules', 'trigger', 'leap']);
  expect(again).toMatchObject({ status: 1, stdout: '' });
  expect(again.stderr).toMatch(/not finished .*its overlap is "skip"/);

  const resumed = await cli(['schedules', 'resume', 'leap']);
  expect(resumed.stdout).toMatch(/^leap goes on; next slot: 2\d{3}-02-29T12:00:00\.000Z\n$/);
});

test.each([
  [['schedules', 'stop', 'leap'], 2, /"stop" is none of list, pause, resume, trigger/],
  [['schedules', 'pause'], 2, /which schedule\? hybrid-engine schedules pause <template>/],
  [['schedules', 'list', 'leap'], 2, /list takes no template/],
  [['schedules', 'pause', 'page-digest'], 1, /no template "page-digest" with a schedule/],
])('%j ends with %d and says why', async (args, status, stderr) => {
  expect(await cli(args)).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(stderr) });
});

test('costs are shown as a table, or as JSON', async () => {
  const { stdout, status } = await cli(['costs', '--by', 'model', '--from', '2026-01-31']);
  expect(stdout).toBe('MODEL  CALLS  INPUT  CACHED  OUTPUT  US DOLLARS\ntotal  0      0      0       0       0.00\n');
  expect(status).toBe(0);
  const { by, rows, total } = JSON.parse((await cli(['costs', '--json'])).stdout);
  expect({ by, rows, total }).toMatchObject({ by: 'day', rows: [], total: { cost: 0 } });
});

test('an unknown workflow ends with 1 and its one line', async () => {
  const id = '0192f0c1-0000-7000-8000-000000000001';
  expect(await cli(['show', id])).toEqual({ status: 1, stdout: '', stderr: `Workflow with ID ${id} not found\n` });
});

test('what waits for the outside ends with 3 and says where to send it', async () => {
  const { status, stderr } = await cli(['run', 'page-watch', '--timeout', '50']);
  expect(stderr).toMatch(
    new RegExp(`\nwaits for capture: send it with POST ${url}/api/workflows/\\S+/external-data\n$`),
  );
  expect(status).toBe(3);
});

test('run and show say what waits for a decision and how to decide it, and decide does', async () => {
  await writeFile(
    join(cwd, 'ask.json'),
    JSON.stringify({
      name: 'Asks',
      params: { page: 'tea' },
      steps: [
        { id: 'ask', action: 'approval', params: { message: 'Publish {{params.page}}?', data: { type: 'object' } } },
        {
          id: 'yes',
          action: 'render',
          when: 'steps.ask.outputs.approved',
          dependencies: ['ask'],
          params: { template: 'yes' },
        },
      ],
    }),
  );
  const run = await cli(['run', 'ask.json']);
  const id = /^workflow (\S+)/.exec(run.stderr)?.[1] ?? '';
  const how = `waits for a decision: ask: Publish tea\\?\nto decide: hybrid-engine decide ${id} ask --approve --data '{…}' --server ${url} \\(or --reject\\)\n       or: curl -X POST ${url}/api/workflows/${id}/steps/ask/decision .*\n$`;
  expect(run.stderr).toMatch(new RegExp(how));
  expect(run.stderr).not.toContain('paused');
  expect(run.status).toBe(3);
  expect((await cli(['show', id])).stdout).toMatch(new RegExp(how));
  const both = await cli(['decide', id, 'ask', '--approve', '--reject']);
  expect([both.status, both.stderr]).toEqual([2, 'say either --approve or --reject\n']);
  const wrong = await cli(['decide', id, 'ask', '--approve', '--data', '[1]']);
  expect([wrong.status, wrong.stderr]).toEqual([
    2,
    expect.stringMatching(/data: must be object, not array|data must be object/),
  ]);
  const decided = await cli([
    'decide',
    id,
    'ask',
    '--approve',
    '--by',
    'Ada',
    '--comment',
    'fine',
    '--data',
    '{"a":1}',
  ]);
  expect([decided.status, decided.stdout]).toEqual([0, 'ask approved\n']);
  const again = await cli(['decide', id, 'ask', '--reject', '--json']);
  expect([again.status, again.stderr]).toEqual([1, expect.stringMatching(/is decided already/)]);
});

test('what a budget has paused ends with 3, says why and how to resume it, and show says it too', async () => {
  const params = { prompt: 'Why?', model: 'gpt-4' };
  const definition = { name: 'Poor', budget: { calls: 0 }, steps: [{ id: 'ask', action: 'openai_chat', params }] };
  await writeFile(join(cwd, 'poor.json'), JSON.stringify(definition));
  const { status, stderr } = await cli(['run', 'poor.json']);
  const id = /^workflow (\S+)/.exec(stderr)?.[1] ?? '';
  expect(stderr).toMatch(
    /\npaused: ask: the workflow's budget of 0 calls is used up: 0 calls spent, this call may take 1 call;/,
  );
  expect(stderr).toContain(`\nto resume it: POST ${url}/api/workflows/${id}/resume {"budget": {…}}\n`);
  expect(status).toBe(3);
  const show = await cli(['show', id]);
  expect(show.stdout).toContain('\nbudget    0 of 0 calls\n');
  expect(show.stdout).toMatch(
    /\nask +openai_chat +WAITING_FOR_DEPENDENCY +0 +the workflow's budget of 0 calls is used up/,
  );
});

test('Ctrl-C leaves a workflow running on the server and says so', async () => {
  const child = startCli(['run', 'delay', '--param', 'ms=600000', '--server', url], { cwd, env: { API_TOKEN: token } });
  const closed = once(child, 'close');
  let stderr = '';
  // Once: the line may come again, and a second signal ends the process where it is.
  let isInterrupted = false;
  for await (const line of createInterface({ input: child.stderr! })) {
    stderr += `${line}\n`;
    if (isInterrupted || !line.endsWith('(delay) RUNNING')) continue;
    isInterrupted = true;
    child.kill('SIGINT');
  }
  expect(await closed).toEqual([130, null]);
  const id = /left running on \S+; see it with: hybrid-engine show (\S+)\n$/.exec(stderr)?.[1] ?? stderr;
  expect(JSON.parse((await cli(['show', id, '--json'])).stdout)).toMatchObject({ status: 'RUNNING' });
});

// The last test of the file: it ends the server.
test('prune says what would go, removes it, and leaves what has not finished', async () => {
  const ids = async () => JSON.parse((await cli(['list', '--json'])).stdout).map(({ id }: { id: string }) => id);
  const finished = JSON.parse((await cli(['list', '--status', 'COMPLETED', '--json'])).stdout).length;
  expect(finished).toBeGreaterThan(0);
  const before = await ids();
  const dry = await cli(['prune', '--keep', '0', '--dry-run']);
  expect(dry.stdout.trim().split('\n').at(-1)).toMatch(/^\d+ finished workflows? would go$/);
  expect(await ids()).toEqual(before);
  const gone = dry.stdout.trim().split('\n').slice(0, -1);
  expect((await cli(['prune', '--keep', '1d'])).stdout).toBe('0 finished workflows removed\n');
  const removed = await cli(['prune', '--keep', '0']);
  expect(removed).toMatchObject({ status: 0, stderr: '' });
  expect(removed.stdout).toMatch(new RegExp(`^${gone.length} finished workflows? removed\n$`));
  expect(await ids()).toEqual(before.filter((id: string) => !gone.includes(id)));
  const wrong = await cli(['prune', '--keep', 'all']);
  expect(wrong).toMatchObject({ status: 2, stdout: '' });
  expect(wrong.stderr).toContain('--keep all: it must be an age such as 14d, 36h or 90m, or a count such as 1000');
});

test('pair shows a code that pairs an extension; clients lists and revokes it', async () => {
  const shown = await cli(['pair']);
  expect([shown.status, shown.stderr]).toEqual([0, '']);
  const [code = ''] = shown.stdout.split('\n');
  expect(code).toMatch(/^[2-9A-Z]{8}$/);
  const origin = `chrome-extension://${'abcdefghijklmnop'.repeat(2)}`;
  const paired = await fetch(`${url}/api/pair`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: origin },
    body: JSON.stringify({ code, name: 'Desk\u001b[31m' }),
  });
  const { client } = (await paired.json()) as { client: { id: string } };
  const made = await cli(['pair', '--scope', 'read', '--name', 'Grafana', '--json']);
  const { token: readToken, scope } = JSON.parse(made.stdout) as { token: string; scope: string };
  expect(scope).toBe('read');
  // A token of scope read is a token: commands that only read take it.
  expect((await cli(['clients', '--json'], { API_TOKEN: readToken })).status).toBe(0);
  const listed = await cli(['clients']);
  expect(listed.stdout).toContain(origin);
  expect(listed.stdout).toContain('Desk\\u001b[31m');
  const refused = await cli(['clients', 'revoke', client.id], { API_TOKEN: readToken });
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('scope full')]);
  expect(await cli(['clients', 'revoke', client.id])).toMatchObject({ status: 0, stdout: `${client.id} is revoked\n` });
  expect(JSON.parse((await cli(['clients', '--json'])).stdout)).toMatchObject([{ name: 'Grafana', scope: 'read' }]);
  expect((await cli(['clients', 'forget'])).status).toBe(2);
});

test('SIGTERM ends serve with 0', async () => {
  server.kill('SIGTERM');
  await closed;
  expect(server.exitCode).toBe(0);
});
