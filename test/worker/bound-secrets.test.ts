/** Goal: SB1 to SB3, SO1, and the forms that are searched for. Method: params as a job has them, and a store beside them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/contract/json.ts';
import { encodeSecret, mayGoTo, type SecretPlace, type SecretStore } from '../../src/contract/secret-store.ts';
import { bindParams } from '../../src/core/bindings.ts';
import { findReferences } from '../../src/core/references.ts';
import { findSecrets, toBoundParams } from '../../src/core/step-secrets.ts';
import { tasks } from '../../src/tasks/registry.ts';
import { bindSecrets } from '../../src/worker/bound-secrets.ts';
import { createRedaction } from '../../src/worker/redaction.ts';
import { toSecretForms } from '../../src/worker/secret-forms.ts';
import { failureOf } from '../tasks/run-task.ts';

const task = tasks.get('http_request')!;
const store: SecretStore = {
  A: { value: 'a/b:c d', hosts: ['one.example', 'two.example:8080'] },
  B: { value: '{{secrets.A}}' },
};
const place = (name: string, path: (string | number)[], at: number, form: SecretPlace['form'] = 'plain') => ({
  name,
  path,
  at,
  form,
});

const countMentions = (text: string) => findSecrets(text).length + findReferences(text).length;

const bind = (params: JsonObject, places: SecretPlace[], more: { named?: string[]; origin?: string | null } = {}) =>
  bindSecrets(task, params, { places, named: [], origin: null, ...more }, store);

describe('SB1: values stand at their places', () => {
  test('several in one text, each encoded for where it stands, and no value is searched', () => {
    const params = {
      url: 'https://one.example/{{secrets.A}}/{{secrets.A}}?k={{secrets.A}}',
      body: ['{{secrets.A}}', { t: '{{secrets.A}}{{secrets.B}}{{secrets.A}}' }],
    };
    const places = [
      place('A', ['url'], 20, 'path'),
      place('A', ['url'], 50, 'query'),
      place('B', ['body', 1, 't'], 13),
      place('A', ['body', 1, 't'], 26),
    ];
    const { params: bound } = bindSecrets(task, params, { places, named: [], origin: 'https://one.example' }, store);
    expect(bound).toEqual({
      url: 'https://one.example/a/b:c%20d/{{secrets.A}}?k=a%2Fb%3Ac%20d',
      body: ['{{secrets.A}}', { t: '{{secrets.A}}{{secrets.A}}a/b:c d' }],
    });
    // What a job holds stays as it was.
    expect(params.body[0]).toBe('{{secrets.A}}');
  });

  test('below a key named __proto__ too', () => {
    const params = JSON.parse('{"url": "https://one.example/", "body": {"__proto__": "{{secrets.A}}"}}') as JsonObject;
    const { params: bound } = bind(params, [place('A', ['body', '__proto__'], 0)]);
    expect(JSON.stringify(bound.body)).toBe('{"__proto__":"a/b:c d"}');
  });

  test.each([
    ['another text', place('A', ['body'], 1)],
    ['no text', place('A', ['n'], 0)],
    ['nothing', place('A', ['none', 'of', 'these'], 0)],
    ['a property of every object', place('A', ['constructor', 'name'], 0)],
    ['the params themselves', place('A', [], 0)],
  ])('a place that leads to %s fails the attempt', async (_what, wrong) => {
    const params = { url: 'https://one.example/', body: '{{secrets.A}}', n: 1 };
    expect(await failureOf((async () => bind(params, [wrong]))())).toMatchObject({ code: 'TASK_ERROR' });
    const right = place('A', ['body'], 0);
    expect(await failureOf((async () => bind(params, [right, right]))())).toMatchObject({ code: 'TASK_ERROR' });
  });

  test('whatever values and texts stand around them', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom('{{secrets.A}}', '{{ secrets.B }}').map((written) => ({ written, value: find(written) })),
        fc.constantFrom('x', 'y', 'z').map((name) => ({ written: `{{params.${name}}}`, value: data[name] as string })),
        fc.constantFrom('a ', '{', '}} ', 'é', '{{secrets', '{{x}}').map((written) => ({ written, value: written })),
      ),
      { maxLength: 12 },
    );
    const data: Record<string, string> = { x: '{{secrets.A}}', y: 'secrets.B}}{{', z: '{{params.x}}{{secrets.B}}' };
    const find = (written: string) => store[written.includes('A') ? 'A' : 'B']?.value;
    const sources = { params: data, isStep: () => false, outputsOf: () => undefined };
    let filled = 0;
    fc.assert(
      fc.property(pieces, (all) => {
        const text = all.map(({ written }) => written).join('');
        // Pieces that make another reference together are no case of this test.
        fc.pre(countMentions(text) === all.filter(({ written }) => /^\{\{ ?(?:secrets|params)\./.test(written)).length);
        const written = { url: 'https://one.example/', body: [`- ${text}`] };
        const { params, use } = toBoundParams(bindParams(written, sources, task), written, task.takesSecrets);
        const open = use && { ...use, origin: 'https://one.example' };
        const { params: bound } = bindSecrets(task, JSON.parse(JSON.stringify(params)) as JsonObject, open, store);
        filled += use ? 1 : 0;
        expect(bound.body).toEqual([`- ${all.map(({ value }) => value).join('')}`]);
      }),
      { numRuns: 1_000 },
    );
    expect(filled).toBeGreaterThan(200);
  });

  test('a job without places, or of an action that takes none, keeps its texts', () => {
    const params = { url: '{{secrets.A}}' };
    expect(bindSecrets(task, params, undefined, store)).toEqual({ params, sent: undefined });
    const use = { places: [place('A', ['url'], 0)], named: [], origin: null };
    expect(bindSecrets(tasks.get('noop')!, params, use, store)).toEqual({ params, sent: undefined });
  });
});

describe('SB3: the address is checked first', () => {
  const params = (url: string) => ({ url, body: '{{secrets.A}}' });
  const places = [place('A', ['body'], 0)];
  test.each([
    'https://one.example/x',
    'https://one.example:443',
    'http://two.example:8080/',
    'https://two.example:8080/',
  ])('%s', (url) => {
    expect(bind(params(url), places).params.body).toBe('a/b:c d');
  });

  test.each([
    'http://one.example/',
    'http://one.example:443/',
    'https://one.example:8443/',
    'https://one.example./',
    'https://sub.one.example/',
    'https://one.example.evil.example/',
    'https://one.example@evil.example/',
    'https://two.example/',
  ])('not %s', async (url) => {
    const failure = await failureOf((async () => bind(params(url), places))());
    expect(failure.code).toBe('TARGET_REFUSED');
    expect(failure.message).toMatch(
      /gets no secret of this step: the secret A goes to one\.example, two\.example:8080 alone$/,
    );
  });

  test('without hosts, only the origin that the definition writes', async () => {
    const named = { named: ['B'], origin: 'https://three.example' };
    expect(bind({ url: 'https://three.example/x' }, [], named).sent?.valueOf('B')).toBe('{{secrets.A}}');
    for (const [url, origin] of [
      ['https://three.example:444/', 'https://three.example'],
      ['https://three.example/', null],
    ] as const) {
      const failure = await failureOf((async () => bind({ url }, [], { named: ['B'], origin }))());
      expect(failure).toMatchObject({ code: 'TARGET_REFUSED', message: expect.stringContaining('B has no hosts') });
    }
  });

  test('what is no address is left to the schema of the action', () => {
    expect(bind({ url: 'none', body: '{{secrets.A}}' }, places).params).toEqual({ url: 'none', body: 'a/b:c d' });
    expect(bind({ url: 7, body: '{{secrets.A}}' }, places).params.url).toBe(7);
  });
});

test('SB2: a place without the store has no value', async () => {
  const use = { places: [], named: ['A'], origin: null };
  const failure = await failureOf((async () => bindSecrets(task, { url: 'https://one.example/' }, use, undefined))());
  expect(failure).toMatchObject({
    code: 'MISSING_SECRET',
    message: expect.stringContaining('set SECRET_A, or a file of SECRETS_DIR'),
  });
});

test('a task gets the secrets that its step names, and no other', async () => {
  const { sent } = bind({ url: 'https://one.example/', body: 'x {{secrets.A}}' }, [place('A', ['body'], 2)]);
  expect(sent?.paths).toEqual([['body']]);
  expect([sent?.isIn('https://x/?k=a%2fb%3ac%20d'), sent?.isIn('https://x/')]).toEqual([false, false]);
  expect(() => sent?.valueOf('B')).toThrow(/there is no secret "B"/);
  expect(() => sent?.valueOf('constructor')).toThrow(/there is no secret/);
});

test('SO1: an entry without a port is https alone, and so is port 443', () => {
  const secret = { hosts: ['a.example', '[::1]', '[::1]:80'] };
  const goes = (url: string) => mayGoTo(secret, new URL(url), null);
  expect(['https://a.example', 'https://[::1]/', 'http://[::1]/'].map(goes)).toEqual([true, true, true]);
  expect(['http://a.example', 'http://a.example:443', 'https://a.example:80', 'https://[::1]:80'].map(goes)).toEqual([
    false,
    false,
    false,
    true,
  ]);
  expect(mayGoTo({}, new URL('https://a.example/x'), 'https://a.example')).toBe(true);
  // Of a secret with hosts the written origin opens nothing.
  expect(mayGoTo(secret, new URL('https://b.example'), 'https://b.example')).toBe(false);
});

test('in a path a value keeps what may stand in a segment', () => {
  const value = "123:AA-b_c/B00/x~y!$&'()*+,;=@ %?#";
  expect(encodeSecret(value, 'path')).toBe("123:AA-b_c/B00/x~y!$&'()*+,;=@%20%25%3F%23");
  expect(new URL(`https://a.example/${encodeSecret(value, 'path')}`).pathname).toBe(`/${encodeSecret(value, 'path')}`);
  expect(decodeURIComponent(encodeSecret(value, 'query'))).toBe(value);
});

describe('the forms of a secret', () => {
  const value = `c4nary/"q"\\ & <é>+'~`;
  const redact = createRedaction({}, { KEY: { value }, SHORT: { value: 'short12' } });
  test.each([
    ['as it is', value],
    ['in JSON', JSON.stringify({ [value]: value })],
    ['in JSON in JSON', JSON.stringify(JSON.stringify(value))],
    ['in the JSON of PHP', JSON.stringify(value).replaceAll('/', '\\/')],
    ['in the JSON of Python', JSON.stringify(value).replace('é', '\\u00e9')],
    ['in the JSON of Go', JSON.stringify(value).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)],
    ['in an address', encodeURIComponent(value)],
    ['in an address, in small letters', encodeURIComponent(value).replace(/%../g, (found) => found.toLowerCase())],
    ['in an address in an address', encodeURIComponent(encodeURIComponent(value))],
    ['in a path', encodeSecret(value, 'path')],
    ['in a form', new URLSearchParams({ k: value }).toString()],
    ['in hex', Buffer.from(value).toString('hex')],
    ['in base64', Buffer.from(value).toString('base64')],
    ['in base64url', Buffer.from(value).toString('base64url')],
    ['in base64, as Basic', Buffer.from(`user:${value}`).toString('base64')],
    ['in base64, at other places', Buffer.from(`ab${value}cd`).toString('base64')],
    ['in base64 of JSON', Buffer.from(JSON.stringify({ k: value })).toString('base64')],
    [
      'in HTML',
      value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
    ],
  ])('%s', (_form, text) => {
    expect(redact(`before ${text} after`)).toContain('[secret KEY]');
    expect(redact(text).length).toBeLessThan(text.length);
  });

  test('as Basic the parts beside it stay, but for some bits', () => {
    const token = 'abcdefghij-klmnop';
    const search = createRedaction({}, { KEY: { value: token } });
    for (const user of ['', 'u', 'us', 'use']) {
      const sent = Buffer.from(`${user}:${token}`).toString('base64');
      expect(search(sent)).toMatch(/^[\w+/]{0,6}\[secret KEY\][\w+/]{0,2}={0,2}$/);
    }
  });

  test('several lines, as a form sends them', () => {
    expect(createRedaction({}, { KEY: { value: 'first line\nlast' } })('x first line\r\nlast')).toBe('x [secret KEY]');
  });

  test('of one with fewer than eight characters none is searched for', () => {
    expect(redact('short12')).toBe('short12');
  });

  test('are few for a usual token', () => {
    expect(toSecretForms('ghp_0123456789abcdef0123').length).toBeLessThan(10);
  });
});
