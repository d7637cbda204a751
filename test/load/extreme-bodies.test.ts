/**
 * Goal: no body, whatever its shape, gets a 5xx but 503 and 507, stops the engine, or keeps others from being served
 * (G16, H4, H5).
 * Method: `EXTREME_BODIES` (100) random bodies to each POST route of the OpenAPI document, and to DELETE, two at a time, on the product in a process
 * of its own, with a health call after the other beside them. Each body is of one shape, driven to an extreme: few
 * bytes or megabytes. `EXTREME_SEED` repeats a run. The time of health calls is reported, not asserted.
 */
import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { Served } from '../crash/served.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { createSeeded } from '../fixtures/seeded.ts';

const bodiesOfRoute = Number(process.env.EXTREME_BODIES ?? 100);
const seed = Number(process.env.EXTREME_SEED ?? Date.now() % 0x7fffffff);
const MiB = 1024 * 1024;
/** Beside what the engine takes, a thread that checks definitions; 4,500 bodies took 1,050 MiB. */
const rssBytesMax = 1_280 * MiB;
const noProc = process.platform === 'linux' ? '' : ' (SKIPPED: needs /proc)';

/** What a body may hold in one place, `size` times over, as JSON text. */
const parts: Record<string, (size: number) => string> = {
  text: (size) => `"${'x'.repeat(size)}"`,
  astral: (size) => `"${'𝒳'.repeat(size / 4)}"`,
  escapes: (size) => `"${'\\u0000'.repeat(size / 6)}"`,
  surrogates: (size) => `"${'\\ud800'.repeat(size / 6)}"`,
  lists: (size) => `${'['.repeat(size / 2)}${']'.repeat(size / 2)}`,
  objects: (size) => `${'{"a":'.repeat(size / 6)}1${'}'.repeat(size / 6)}`,
  numbers: (size) => `[${'1,'.repeat(size / 2)}1]`,
  nulls: (size) => `[${'null,'.repeat(size / 5)}null]`,
  empties: (size) => `[${'{},'.repeat(size / 3)}{}]`,
  keys: (size) => `{${Array.from({ length: size / 10 }, (_, n) => `"k${n}":1`).join()}}`,
  sameKeys: (size) => `{${'"a":1,'.repeat(size / 6)}"a":1}`,
  longKey: (size) => `{"${'k'.repeat(size)}":1}`,
  digits: (size) => '9'.repeat(size),
  exponent: (size) => `1e${'9'.repeat(Math.min(size, 1_000))}`,
  references: (size) => `"${'{{params.x}}'.repeat(size / 12)}"`,
  openBraces: (size) => `"${'{{'.repeat(size / 2)}"`,
  outputs: (size) => `"{{steps.${'.outputs'.repeat(size / 8)}}}"`,
  path: (size) => `"{{params.${'a.'.repeat(size / 2)}a}}"`,
  spaces: (size) => `${' '.repeat(size)}1`,
  cut: (size) => `["${'x'.repeat(size)}`,
};

/** A body with `part` in one of the places where a route looks. */
const places: ((part: string) => string)[] = [
  (part) => part,
  (part) => `{"steps":${part},"name":"x"}`,
  (part) => `{"name":${part},"steps":[{"id":"a","action":"noop"}]}`,
  (part) => `{"name":"x","tags":${part},"steps":[{"id":"a","action":"noop"}]}`,
  (part) => `{"name":"x","params":${part},"steps":[{"id":"a","action":"noop"}]}`,
  (part) => `{"name":"x","steps":[{"id":"a","action":"noop","params":{"p":${part}}}]}`,
  (part) => `{"name":"x","steps":[{"id":"a","action":"noop","dependencies":${part}}]}`,
  (part) => `{"name":"x","steps":[{"id":${part},"action":"noop"}]}`,
  (part) =>
    `{"name":"x","steps":[{"id":"a","action":"http_request","params":{"url":"http://a.test","headers":${part}}}]}`,
  (part) => `{"name":"x","steps":[{"id":"a","action":"openai_chat","params":{"messages":${part}}}]}`,
  (part) => `{"template_id":"noop","params":{"p":${part}}}`,
  (part) => `{"template_id":${part}}`,
  (part) => `{"stepId":"a","params":{"p":${part}}}`,
  (part) => `{"stepId":${part}}`,
  (part) => `{"content":${part}}`,
  (part) => `{"content":"x","metadata":${part}}`,
  (part) => `{"content":"x","step_name":${part},"source_url":${part}}`,
  (part) => `{"budget":${part}}`,
  (part) => `{"approved":${part}}`,
  (part) => `{"approved":true,"comment":${part}}`,
  (part) => `{"approved":true,"data":${part}}`,
];

/** A template whose schedule is due in years. */
const template =
  'id: daily\nname: D\nsteps: [{id: a, action: noop}]\nschedule: {cron: "0 0 29 2 *", timezone: UTC, enabled: true}\n';

/** Every POST route under /api, with the names in its path filled in, and one route of DELETE. */
async function readRoutes(url: string, names: Readonly<Record<string, string>>): Promise<[string, string][]> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> };
  const posts = Object.entries(document.paths).filter(([path, item]) => path.startsWith('/api/') && 'post' in item);
  // A decision is one of another step than the one that data is sent to.
  const fill = (path: string) => path.replace(/\{(\w+)\}/g, (_, name: string) => names[name] ?? name);
  return [
    ...posts.map(([path]): [string, string] => ['POST', fill(path)]),
    ['POST', '/api/workflows/from-template?template_id=noop'],
    ['DELETE', '/api/workflows/00000000-0000-4000-8000-000000000000'],
  ];
}

test.skipIf(noProc !== '')(
  `H5: bodies of extreme shape get no 5xx and cost nobody else${noProc}`,
  { timeout: 600_000 },
  async () => {
    const startedAt = performance.now();
    const dice = createSeeded(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(dice() * list.length)]!;
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    const templates = path.join(dir.root, 'templates');
    fs.mkdirSync(templates);
    fs.writeFileSync(path.join(templates, 'daily.yaml'), template);
    fs.writeFileSync(path.join(templates, 'noop.yaml'), 'id: noop\nname: N\nsteps: [{id: a, action: noop}]\n');
    const served = new Served(dir, { LOG_LEVEL: 'fatal', OFFLINE: 'true', TEMPLATES_DIR: templates });
    const url = await served.listening();
    const send = async (method: string, route: string, body: string) => {
      const answer = await fetch(`${url}${route}`, { method, body, headers: { 'content-type': 'application/json' } });
      return { status: answer.status, text: await answer.text() };
    };
    const readRssBytes = () =>
      Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${served.child.pid}/status`, 'utf8'))?.[1]) * 1024;
    const asked = '{"id":"ask","action":"approval","params":{"message":"m","data":{"type":"object"}}}';
    const definition = `{"name":"x","steps":[{"id":"a","action":"external_data"},${asked}]}`;
    const { id } = JSON.parse((await send('POST', '/api/workflows', definition)).text) as { id: string };
    const routes = await readRoutes(url, { id, stepId: 'ask', template: 'daily' });
    expect(routes.map(([, route]) => route.replace(id, '<id>')).sort()).toEqual([
      '/api/clients',
      '/api/pair',
      '/api/pairings',
      '/api/schedules/daily/pause',
      '/api/schedules/daily/resume',
      '/api/schedules/daily/trigger',
      '/api/tickets',
      '/api/workflows',
      '/api/workflows/00000000-0000-4000-8000-000000000000',
      '/api/workflows/<id>/branches',
      '/api/workflows/<id>/external-data',
      '/api/workflows/<id>/resume',
      '/api/workflows/<id>/retry',
      '/api/workflows/<id>/steps/ask/decision',
      '/api/workflows/<id>/stop',
      '/api/workflows/bulk',
      '/api/workflows/dry-run',
      '/api/workflows/from-template',
      '/api/workflows/from-template/dry-run',
      '/api/workflows/from-template?template_id=noop',
      '/api/workflows/validate',
    ]);

    let isDone = false;
    const healthMs: number[] = [];
    const watching = (async () => {
      while (!isDone) {
        const at = performance.now();
        expect((await fetch(`${url}/api/health`)).status).toBe(200);
        healthMs.push(performance.now() - at);
      }
    })();
    const statuses: Record<string, number> = {};
    const faults: string[] = [];
    let rssBytes = 0;
    const work = routes.flatMap((route) => Array.from({ length: bodiesOfRoute }, () => route));
    const client = async () => {
      for (let route = work.pop(); route !== undefined; route = work.pop()) {
        const [name, make] = pick(Object.entries(parts));
        const place = Math.floor(dice() * places.length);
        // From a byte to megabytes, each power of ten as often as the next.
        const size = Math.floor(10 ** (dice() * Math.log10(limits.creatingBodyBytesMax / 4)));
        const { status, text } = await send(...route, places[place]!(make(size)));
        statuses[status] = (statuses[status] ?? 0) + 1;
        const isFine = status < 500 ? text.length < 100_000 || status < 300 : status === 503 || status === 507;
        if (!isFine)
          faults.push(`${route.join(' ')}: ${name} × ${size} in place ${place}: ${status} ${text.slice(0, 200)}`);
        if (work.length % 50 === 0) rssBytes = Math.max(rssBytes, readRssBytes());
      }
    };
    await Promise.all([client(), client()]);
    isDone = true;
    await watching;
    expect(served.child.exitCode).toBeNull();
    healthMs.sort((a, b) => a - b);
    reportFigures('extreme bodies', startedAt, {
      cases: routes.length * bodiesOfRoute,
      lostAcknowledged: 0,
      changedResults: 0,
      repeatedSteps: 0,
      unreadableFiles: dir.quarantined().length,
      seed,
      healthMsP50: Math.round(healthMs[Math.floor(healthMs.length * 0.5)] ?? 0),
      healthMsP99: Math.round(healthMs[Math.floor(healthMs.length * 0.99)] ?? 0),
      rssMiBMax: Math.round(rssBytes / MiB),
      ...Object.fromEntries(Object.entries(statuses).map(([status, count]) => [`status${status}`, count])),
    });
    expect(faults).toEqual([]);
    expect(rssBytes).toBeLessThan(rssBytesMax);
  },
);
