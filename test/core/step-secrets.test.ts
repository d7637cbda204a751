/** Goal: SE1 to SE4, AD5. Method: definitions, and bindings of params, of an action that takes secrets and of others. */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/contract/json.ts';
import type { SecretHosts } from '../../src/contract/secret-store.ts';
import { BindingError, bindParams } from '../../src/core/bindings.ts';
import { findMisplacedSecrets, findSecrets, toBoundParams, toWrittenOrigin } from '../../src/core/step-secrets.ts';
import { validateDefinition, validateStepParams } from '../../src/core/validate.ts';
import { createActionCatalogue } from '../../src/tasks/registry.ts';

const catalogue = createActionCatalogue();
const store: SecretHosts = { TOKEN: { hosts: ['api.example.com'] }, FREE: {}, LOCAL: { hosts: ['127.0.0.1:81'] } };
const options = { catalogue, unknownActions: 'simulate', secretStore: store } as const;

const faultsOf = (params: JsonObject, action = 'http_request', given: object = {}) => {
  const definition = { name: 'x', params: { url: 'u', name: 'n' }, steps: [{ id: 'a', action, params }] };
  const checked = validateDefinition(definition, { ...options, ...given });
  return checked.ok
    ? []
    : checked.errors.map(({ path, message }) => `${path.replace('steps[0].params.', '')}: ${message}`);
};
const url = 'https://api.example.com/x';
const withHeader = (text: string) => ({ url, headers: { 'x-key': text } });

describe('SE1: what a secret is', () => {
  test.each([
    ['{{secrets.TOKEN}}', ['TOKEN']],
    ['a {{ secrets.TOKEN }} b {{secrets.A_1}}', ['TOKEN', 'A_1']],
    ['{{secrets.token}}', [null]],
    ['{{secrets.TOKEN.x}}', [null]],
    ['{{secrets["TOKEN"]}}', [null]],
    ["{{secrets.TOKEN ?? 'x'}}", [null]],
    ['{{secrets .TOKEN}}', [null]],
    ['{{secrets.A_HOSTS}}', [null]],
    [`{{secrets.${'A'.repeat(65)}}}`, [null]],
    ['{{secrets}} {{secret.TOKEN}} {{Secrets.TOKEN}} secrets.TOKEN {{secrets.TOKEN}', []],
  ])('%s', (text, names) => {
    expect(findSecrets(text).map(({ name }) => name)).toEqual(names);
  });

  test('what begins like one and is none is refused, with its form', () => {
    expect(faultsOf(withHeader('{{secrets.token}}'))).toEqual([
      expect.stringMatching(
        /^headers\.x-key: \{\{secrets\.token\}\} is not a secret: write \{\{secrets\.NAME\}\}; a name/,
      ),
    ]);
    expect(faultsOf(withHeader(`{{secrets.${'a'.repeat(9_000)}}}`))[0]?.length).toBeLessThan(400);
  });

  test('a long text is searched in time that grows with its length', () => {
    for (const piece of ['{{secrets.', '{{ ', '{{secrets ', '{{secrets.A}}']) {
      expect(findSecrets(piece.repeat(200_000)).length).toBeLessThanOrEqual(200_000);
    }
  });
});

describe('SE2: where secrets stand', () => {
  test.each([
    ['a header', withHeader('Token {{secrets.TOKEN}}')],
    ['the query', { url, query: { key: '{{secrets.TOKEN}}', list: ['{{secrets.TOKEN}}'] } }],
    ['the path and the query of the address', { url: `${url}/{{secrets.TOKEN}}?k={{secrets.TOKEN}}` }],
    ['a body', { url, method: 'POST', body: { deep: [{ key: '{{secrets.TOKEN}}' }] } }],
    ['bytes', { url, method: 'POST', body_base64: '{{secrets.TOKEN}}' }],
    ['auth', { url, auth: 'TOKEN' }],
    ['auth, as Basic', { url, auth: { basic: { user: '{{params.name}}', secret: 'TOKEN' } } }],
    ['auth, as a header', { url, auth: { header: 'x-key', secret: 'TOKEN', prefix: 'v1 ' } }],
  ])('%s of http_request', (_where, params) => {
    expect(faultsOf(params)).toEqual([]);
  });

  test.each(['noop', 'chat', 'openai_chat', 'any_chat', 'html_extract', 'external_data', 'nobody_knows'])(
    'not in params of %s',
    (action) => {
      expect(faultsOf({ prompt: ['Say {{secrets.TOKEN}}'] }, action)).toContainEqual(
        `prompt[0]: {{secrets.TOKEN}}: "${action}" takes no secrets (http_request does); text that is meant as it stands comes in by {{params.<name>}}`,
      );
    },
  );

  test('in code the name is one of that language', () => {
    expect(faultsOf({ template: '{{secrets.TOKEN}}', data: { secrets: { TOKEN: 'a word' } } }, 'render')).toEqual([]);
    expect(faultsOf({ template: 'x', data: '{{secrets.TOKEN}}' }, 'render')).toHaveLength(1);
  });

  test('no reference chooses one', () => {
    const chosen = (auth: unknown) => faultsOf({ url, auth } as JsonObject);
    const message = 'names a secret: write the name itself, a reference cannot choose one';
    expect(chosen('{{params.name}}')).toEqual([`auth: ${message}`]);
    expect(chosen({ basic: '{{params.name}}' })).toEqual([`auth.basic: ${message}`]);
    expect(chosen({ basic: { user: 'a', secret: '{{params.name}}' } })).toEqual([`auth.basic.secret: ${message}`]);
    expect(chosen({ header: 'x-key', secret: 'A{{params.name}}' })).toEqual([`auth.secret: ${message}`]);
    expect(chosen('token')).toEqual([expect.stringMatching(/^auth: .*must be the name of a secret/)]);
  });

  test('other fields of a step take none', () => {
    expect(findMisplacedSecrets({ when: ['{{secrets.TOKEN}}', 1, null] }, ['steps', 0])).toEqual([
      { path: 'steps[0].when[0]', message: '{{secrets.TOKEN}}: a secret stands in params of steps alone' },
    ]);
    const step = { id: 'a', name: '{{secrets.TOKEN}}', action: 'noop', dependencies: ['{{secrets.TOKEN}}'] };
    const checked = validateDefinition({ name: 'x', steps: [step] }, options);
    expect(checked.ok ? [] : checked.errors.map(({ path }) => path)).toContain('steps[0].dependencies[0]');
    expect(checked.ok ? [] : checked.errors.map(({ path }) => path)).not.toContain('steps[0].name');
  });

  test('the names are checked where it is known which there are', () => {
    expect(faultsOf(withHeader('{{secrets.TOKNE}}'))).toEqual([
      'headers.x-key: there is no secret "TOKNE"; GET /api/secrets lists those there are, and SECRET_TOKNE=… in the engine\'s environment adds it; did you mean "TOKEN"?',
    ]);
    expect(faultsOf({ url, auth: 'NOBODY' })).toEqual([
      expect.stringMatching(/^auth: there is no secret "NOBODY"; GET/),
    ]);
    expect(faultsOf(withHeader('{{secrets.TOKNE}}'), 'http_request', { secretStore: undefined })).toEqual([]);
    const branch = validateStepParams(
      [{ id: 'a', action: 'http_request', dependencies: [] }],
      'a',
      withHeader('{{secrets.NO}}'),
      {},
      options,
    );
    expect(branch).toEqual([
      { path: 'params.headers.x-key', message: expect.stringMatching(/^there is no secret "NO"/) },
    ]);
  });

  test('a schema judges the text when it is bound, not before', () => {
    expect(faultsOf({ url, method: 'POST', body_base64: 'not base64!' })).toHaveLength(1);
    expect(faultsOf({ url, method: 'POST', body: [{ key: '{{secrets.TOKEN}}' }], expect: ['9xx'] })).toHaveLength(1);
  });
});

describe('SE3: where they go', () => {
  test.each([
    ['https://api.example.com/x', 'https://api.example.com'],
    ['https://api.example.com', 'https://api.example.com'],
    [' HTTPS://API.example.com:443/{{params.a}}\n', 'https://api.example.com'],
    ['http://[::1]:8080?x', 'http://[::1]:8080'],
    ['https://api.example.com{{params.a}}', null],
    ['https://api.example.com:80{{params.a}}/', null],
    ['https://{{params.a}}/', null],
    ['{{params.a}}', null],
    ['https://user@api.example.com/', null],
    ['https://api.example.com\\@evil.example/', null],
    ['https://api.example.com:99999/', null],
    ['ftp://api.example.com/', null],
    [7, null],
  ])('the origin that %j writes is %j', (address, origin) => {
    expect(toWrittenOrigin(address)).toBe(origin);
  });

  const header = { 'x-key': '{{secrets.FREE}}' };
  const needsOrigin =
    /^headers\.x-key: the secret FREE has no hosts, so it goes only where the step's url writes scheme/;
  test('without hosts the address writes scheme and host as text', () => {
    expect(faultsOf({ url: 'https://anywhere.example/{{params.url}}', headers: header })).toEqual([]);
    for (const address of ['{{params.url}}', 'https://{{params.url}}/', 'https://a.example{{params.url}}']) {
      expect(faultsOf({ url: address, headers: header })).toEqual([expect.stringMatching(needsOrigin)]);
    }
    expect(faultsOf({ url: '{{params.url}}', auth: 'FREE' })).toEqual([
      expect.stringMatching(/^auth: the secret FREE has/),
    ]);
  });

  test('with hosts the address is one of them, or is known when it is bound', () => {
    const to = (address: string, name = 'TOKEN') =>
      faultsOf({ url: address, headers: { 'x-key': `{{secrets.${name}}}` } });
    expect(to('{{params.url}}')).toEqual([]);
    expect(to('https://api.example.com:443/')).toEqual([]);
    expect(to('http://127.0.0.1:81/', 'LOCAL')).toEqual([]);
    for (const other of [
      'http://api.example.com/',
      'https://api.example.com:8443/',
      'https://api.example.com.evil.example/',
    ]) {
      expect(to(other)).toEqual([
        'headers.x-key: the secret TOKEN goes to api.example.com alone; SECRET_TOKEN_HOSTS names its hosts',
      ]);
    }
    expect(to('http://api.example.com:443/')).toHaveLength(1);
  });

  test.each([
    '{{secrets.TOKEN}}',
    'https://{{secrets.TOKEN}}/',
    'https://a.example{{secrets.TOKEN}}',
    'https://x:{{secrets.TOKEN}}@a.example/',
  ])('none stands in the host: %s', (address) => {
    expect(faultsOf({ url: address })).toContainEqual(
      expect.stringMatching(/^url: .* stands in the host of an address/),
    );
  });
});

describe('SE4: binding', () => {
  const params = { host: 'https://api.example.com', text: '{{secrets.TOKEN}}', slash: '/p/' };
  const sources = { params, isStep: () => false, outputsOf: () => undefined };
  const info = catalogue.get('http_request');
  const bind = (written: JsonObject, kinds = info) =>
    toBoundParams(bindParams(written, sources, kinds), written, kinds?.takesSecrets);

  test('leaves the marker, tells its place, and takes no value for one', () => {
    expect(
      bind({
        url: 'https://api.example.com/{{params.text}}/{{secrets.TOKEN}}?a={{ secrets.FREE }}',
        headers: { a: 'B {{params.text}} {{ secrets.TOKEN }}{{secrets.FREE}}', b: '{{params.text}}', ['__proto__']: 1 },
        body: ['\n{{secrets.TOKEN}}\n', { n: 1, none: null }],
        auth: 'TOKEN',
      }),
    ).toEqual({
      params: {
        url: 'https://api.example.com/%7B%7Bsecrets.TOKEN%7D%7D/{{secrets.TOKEN}}?a={{secrets.FREE}}',
        headers: {
          a: 'B {{secrets.TOKEN}} {{secrets.TOKEN}}{{secrets.FREE}}',
          b: '{{secrets.TOKEN}}',
          ['__proto__']: 1,
        },
        body: ['{{secrets.TOKEN}}', { n: 1, none: null }],
        auth: 'TOKEN',
      },
      use: {
        origin: 'https://api.example.com',
        named: ['TOKEN'],
        places: [
          { path: ['url'], name: 'TOKEN', at: 50, form: 'path' },
          { path: ['url'], name: 'FREE', at: 70, form: 'query' },
          { path: ['headers', 'a'], name: 'TOKEN', at: 20, form: 'plain' },
          { path: ['headers', 'a'], name: 'FREE', at: 37, form: 'plain' },
          { path: ['body', 0], name: 'TOKEN', at: 0, form: 'plain' },
        ],
      },
    });
  });

  test('says nothing of secrets where the definition has none, whatever values hold', () => {
    expect(bind({ url: '{{params.host}}/', body: '{{params.text}}' })).toEqual({
      params: { url: 'https://api.example.com/', body: '{{secrets.TOKEN}}' },
    });
    expect(bind({ url: 'x', auth: 'token' })).toEqual({ params: { url: 'x', auth: 'token' } });
    expect(bind({ url: 'https://a.example/', auth: { secret: 'TOKEN', header: 'x', basic: null } }).use).toEqual({
      origin: 'https://a.example',
      named: ['TOKEN'],
      places: [],
    });
  });

  test('of an action that takes none leaves the text alone', () => {
    expect(bind({ note: '{{secrets.TOKEN}} {{secrets.x}}' }, catalogue.get('noop'))).toEqual({
      params: { note: '{{secrets.TOKEN}} {{secrets.x}}' },
    });
  });

  test('AD5: no value brings a secret into the host', () => {
    expect(bind({ url: '{{params.host}}/{{secrets.TOKEN}}' }).use?.places[0]).toMatchObject({ form: 'path', at: 24 });
    for (const address of [
      '{{params.host}}{{secrets.TOKEN}}/',
      '{{params.text}}/{{secrets.TOKEN}}',
      '{{secrets.TOKEN}}',
    ]) {
      expect(() => bind({ url: address })).toThrow(/^\{\{secrets\.TOKEN\}\} stands in the host of an address$/);
    }
  });

  test('of more than 1,000 places is refused, beforehand and when it is bound', () => {
    const body = (count: number) => ({ url, method: 'POST', body: ['{{secrets.TOKEN}}'.repeat(count)] });
    expect(faultsOf(body(1_000))).toEqual([]);
    expect(faultsOf(body(1_001))).toEqual(['steps[0].params: a step names secrets at most 1000 times']);
    expect(bind(body(1_000)).use?.places).toHaveLength(1_000);
    expect(() => bind(body(1_001))).toThrow(/^a step names secrets at most 1000 times$/);
  });

  test('refuses what is no secret, in a workflow that was not checked', () => {
    expect(() => bind({ url: 'https://a.example/{{secrets.x}}' })).toThrow(BindingError);
    expect(() => bind({ url: 'https://a.example/', body: ' {{secrets.x}}' })).toThrow(
      /\{\{secrets\.x\}\} is not a secret/,
    );
  });
});

describe('warnings', () => {
  const warningsOf = (steps: object[], rest: object = {}) => {
    const checked = validateDefinition({ name: 'x', ...rest, steps }, options);
    return checked.ok ? checked.warnings : checked.errors;
  };
  test('a secret where it may stand is none; in a name, a key or a param of the workflow it is', () => {
    const params = { url, headers: { 'x-key': 'Token {{secrets.TOKEN}} {{ nobody }} {{secrets.TOKEN}}' } };
    const body = { '{{secrets.TOKEN}}': 'x' };
    const stays = "stays as it is here; references are replaced in the values of a step's params alone";
    expect(
      warningsOf(
        [
          {
            id: 'a',
            name: 'with {{secrets.TOKEN}}',
            action: 'http_request',
            params: { ...params, method: 'POST', body },
          },
        ],
        {
          params: { text: 'a {{secrets.TOKEN}}', n: 1 },
        },
      ),
    ).toEqual([
      `params.text: {{secrets.TOKEN}} ${stays}`,
      `steps[0].name: {{secrets.TOKEN}} ${stays}`,
      expect.stringMatching(/^steps\[0\]\.params\.headers\.x-key: \{\{ nobody \}\} is no reference/),
      `steps[0].params.body.{{secrets.TOKEN}}: {{secrets.TOKEN}} ${stays}`,
    ]);
  });

  test('in code it is told that the name is one of that language, where nobody else gives it', () => {
    const render = (data: object) =>
      warningsOf([{ id: 'a', action: 'render', params: { template: 'x {{secrets.TOKEN}}', data } }]);
    expect(render({})).toEqual([
      'steps[0].params.template: secrets.TOKEN is a name in `data` there; no action but those that send secrets gets one',
    ]);
    expect(render({ secrets: { TOKEN: 'a word' } })).toEqual([]);
    const transform = { input: {}, expression: 'secrets.TOKEN' };
    expect(warningsOf([{ id: 'a', action: 'transform', params: transform }])).toEqual([]);
  });
});
