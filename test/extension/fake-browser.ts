/** The browser as the worker sees it, and an engine that answers from memory. */
import type { ExtensionApi, MenuItem } from '../../extension/browser.ts';
import { Captures } from '../../extension/captures.ts';
import { Worker } from '../../extension/worker.ts';
import { MemoryStore } from './memory-store.ts';

export interface FakeBrowser {
  readonly api: ExtensionApi;
  readonly values: Map<string, unknown>;
  readonly badge: { text: string; color: string; title: string; popups: number };
  menu: MenuItem[];
  /** What the page in the tab gives; an Error: the browser refuses to read it. */
  page: unknown;
}

export function createFakeBrowser(): FakeBrowser {
  const nobody = { addListener: () => {} };
  const fake: FakeBrowser = {
    values: new Map(),
    badge: { text: '', color: '', title: '', popups: 0 },
    menu: [],
    page: null,
    api: {
      runtime: {
        id: 'own',
        sendMessage: async () => undefined,
        onMessage: nobody,
        onInstalled: nobody,
        onStartup: nobody,
      },
      storage: {
        local: {
          get: async (names) => Object.fromEntries(names.map((name) => [name, fake.values.get(name)])),
          set: async (values) => {
            for (const [name, value] of Object.entries(values)) fake.values.set(name, structuredClone(value));
          },
          remove: async (names) => {
            for (const name of names) fake.values.delete(name);
          },
        },
        onChanged: nobody,
      },
      scripting: {
        executeScript: async <_Args extends unknown[], Result>() => {
          if (fake.page instanceof Error) throw fake.page;
          return [{ result: fake.page as Result }];
        },
      },
      tabs: { query: async () => [{ id: 7 }], create: async () => undefined },
      contextMenus: {
        create: (item, done) => {
          fake.menu.push(item);
          done();
        },
        removeAll: async () => {
          fake.menu = [];
        },
        onClicked: nobody,
      },
      commands: { onCommand: nobody },
      alarms: { create: async () => {}, onAlarm: nobody },
      action: {
        setBadgeText: async ({ text }) => {
          fake.badge.text = text;
        },
        setBadgeBackgroundColor: async ({ color }) => {
          fake.badge.color = color;
        },
        setTitle: async ({ title }) => {
          fake.badge.title = title;
        },
        openPopup: async () => {
          fake.badge.popups += 1;
        },
      },
      permissions: { request: async () => true },
    },
  };
  return fake;
}

export interface FakeEngine {
  /** 0: nobody answers. */
  status: number;
  waiting: unknown[];
  templates: unknown[];
  readonly posts: { path: string; key: string; token: string; body: Record<string, unknown> }[];
  readonly fetch: typeof fetch;
}

export function createFakeEngine(): FakeEngine {
  const engine: FakeEngine = {
    status: 201,
    waiting: [],
    templates: [],
    posts: [],
    fetch: (async (url: string, init: RequestInit) => {
      if (engine.status === 0) throw new TypeError('Failed to fetch');
      const path = url.replace('http://127.0.0.1:8000', '');
      const answer = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
      const isFine = engine.status < 300;
      if (!isFine && (init.method === 'POST' || engine.status === 401)) {
        return answer({ detail: `refused with ${engine.status}` }, engine.status);
      }
      if (init.method === 'POST') {
        const headers = init.headers as Record<string, string>;
        engine.posts.push({
          path,
          key: headers['Idempotency-Key'] ?? '',
          token: headers.Authorization ?? '',
          body: JSON.parse(String(init.body)) as Record<string, unknown>,
        });
        return answer({ workflow_id: 'run' }, 201);
      }
      return answer(path.startsWith('/api/waiting') ? engine.waiting : engine.templates);
    }) as typeof fetch,
  };
  return engine;
}

export function createFakeWorker() {
  const browser = createFakeBrowser();
  const engine = createFakeEngine();
  const captures = new Captures(new MemoryStore());
  const create = () => new Worker({ api: browser.api, captures, lock: (_, run) => run(), fetch: engine.fetch });
  browser.values.set('connection', { address: 'http://127.0.0.1:8000', token: 'token' });
  return { browser, engine, captures, worker: create(), create };
}
