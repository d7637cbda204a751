// biome-ignore-all lint/suspicious/noTemplateCurlyInString: payloads are texts.
/**
 * Goal: no id in a path leads anywhere but to the thing of that name (X6): no effect, no 5xx, nothing of the file system.
 * Method: 500 ids, made of what has fooled others and of seeded noise, on each route that takes one.
 */
import { expect, it } from 'vitest';
import { createSeeded } from '../fixtures/seeded.ts';
import { oneStep, startServer } from './running-server.ts';

const idsCount = 500;
const uuid = '00000000-0000-4000-8000-000000000000';
const pieces = [
  ...['..', '.', '/', '\\', '%2f', '%2e%2e', '%5c', '%00', '%0a', '%0d%0a', '%25', '%252f', '%c0%af', '%ff', '%u2216'],
  ...['etc', 'passwd', 'proc', 'self', 'environ', 'state.json', '.engine', 'lock', 'clients.json', 'con', 'nul', '~'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'null', 'undefined', 'NaN', '[object]'],
  ...['{{params.x}}', '${x}', '<script>', "' or 1=1--", '"', ';', '|', '`id`', '$(id)', '*', '?', '#', '&', '=', '@'],
  ...['%E2%80%AE', '%F0%9F%98%80', '%ED%A0%80', '\u00e9', '%20', '+', '0', '-1', '1e400', '9007199254740993', uuid],
  ...[
    uuid.toUpperCase(),
    uuid.slice(1),
    `${uuid}0`,
    `{${uuid}}`,
    `urn:uuid:${uuid}`,
    uuid.replaceAll('-', ''),
    'a'.repeat(300),
  ],
];

function madeIds(): string[] {
  const chance = createSeeded(6);
  const ids = new Set(pieces);
  while (ids.size < idsCount) {
    const count = 2 + Math.floor(chance() * 5);
    ids.add(Array.from({ length: count }, () => pieces[Math.floor(chance() * pieces.length)]).join(''));
  }
  return [...ids];
}

/** What a client can put on the wire; the rest of the text stays as it is. */
const onWire = (id: string) => id.replace(/[^\x21-\x7e]|[?#]/g, encodeURIComponent);

const calls: [method: string, path: (id: string) => string][] = [
  ['GET', (id) => `/api/workflows/${id}`],
  ['DELETE', (id) => `/api/workflows/${id}`],
  ['POST', (id) => `/api/workflows/${id}/stop`],
  ['GET', (id) => `/api/workflows/${uuid}/steps/${id}/outputs/content`],
  ['GET', (id) => `/api/templates/${id}`],
  ['DELETE', (id) => `/api/clients/${id}`],
  ['GET', (id) => `/assets/${id}`],
  ['GET', (id) => `/docs/${id}`],
];

it.each(calls)(
  `%s with ${idsCount} ids in the place of %s has no effect`,
  { timeout: 120_000 },
  async (method, path) => {
    const running = await startServer();
    const kept = (await running.call('POST', '/api/workflows', { body: oneStep })).json.id;
    const ids = madeIds();
    expect(ids).toHaveLength(idsCount);
    const seen = new Set<number>();
    for (const id of ids) {
      const answer = await running.call(method, path(onWire(id)));
      // Of ids that are a path of their own, and of those of no more than dots, another route answers.
      const isElsewhere = /[/\\]|%2f|^\.+$|^(%2e)+$/i.test(id);
      if (!isElsewhere) expect([id, answer.status < 500 && answer.status >= 400]).toEqual([id, true]);
      expect([id, answer.status < 500, /root:|\/work\/|\/tmp\//.test(answer.text)]).toEqual([id, true, false]);
      seen.add(answer.status);
    }
    expect(seen.has(404)).toBe(true);
    expect(running.engine.workflows.has(kept)).toBe(true);
    expect(running.engine.callsOf('writeClients')).toEqual([]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  },
);
