/**
 * Goal: every setting has its default, takes what is allowed and refuses the rest in one line that helps (CFG1 to CFG4).
 * Method: tables over `readSettings` with a made-up environment and a fresh working directory.
 */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkSettings, readSettings } from '../src/config.ts';
import { StartError } from '../src/contract/store.ts';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'hybrid-config-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

function refusal(env: NodeJS.ProcessEnv): StartError {
  try {
    readSettings(env, cwd);
  } catch (error) {
    if (error instanceof StartError) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(env)}`);
}

const read = (env: NodeJS.ProcessEnv = {}) => readSettings(env, cwd);

test('an empty environment gives the documented defaults', () => {
  expect(read()).toEqual({
    engine: {
      workflowsDir: join(cwd, 'workflows'),
      templatesDir: resolve(import.meta.dirname, '../workflows/templates'),
      queueStateFile: join(cwd, 'queue-state.json'),
      maxParallelNodes: 4,
      poolThreads: availableParallelism(),
      logLevel: 'info',
      unknownActions: 'simulate',
      simulationMs: 1000,
      httpAllowHosts: [],
      offline: false,
      ownPort: 8000,
      prices: {},
      modelLimits: {},
      secrets: {},
      secretStore: {},
    },
    server: { host: '127.0.0.1', port: 8000, apiToken: null, allowedHosts: [], allowedOrigins: [] },
    slips: [],
  });
});

test('a name that looks like a setting is told, from the environment and from .env', async () => {
  await writeFile(join(cwd, '.env'), 'MAX_PARALLEL_NODE=8\nPOOL_THREADS=2\n');
  const env = { WORKFLOW_DIR: 'x', loglevel: 'debug', ftp_proxy: 'http://p', NO_PROXY: 'a', HOSTNAME: 'h', PATH: '/' };
  expect(read({ ...env, SECRET_PORT: 'p' }).slips).toEqual([
    'MAX_PARALLEL_NODE is no setting and changes nothing; did you mean MAX_PARALLEL_NODES?',
    'WORKFLOW_DIR is no setting and changes nothing; did you mean WORKFLOWS_DIR?',
    'loglevel is no setting and changes nothing; did you mean LOG_LEVEL?',
  ]);
});

describe('a good value', () => {
  const cases: [NodeJS.ProcessEnv, (settings: ReturnType<typeof read>) => unknown, unknown][] = [
    [{ HOST: '::1' }, (s) => s.server.host, '::1'],
    [{ HOST: 'localhost' }, (s) => s.server.host, 'localhost'],
    [{ HOST: '127.8.9.1' }, (s) => s.server.host, '127.8.9.1'],
    [{ HOST: '0.0.0.0', API_TOKEN: 't' }, (s) => s.server.apiToken, 't'],
    [{ PORT: '65535' }, (s) => s.server.port, 65_535],
    [{ PORT: '9001' }, (s) => s.engine.ownPort, 9001],
    [{ PORT: '0' }, (s) => s.engine.ownPort, null],
    [{ MAX_PARALLEL_NODES: ' 64 ' }, (s) => s.engine.maxParallelNodes, 64],
    [{ POOL_THREADS: '1' }, (s) => s.engine.poolThreads, 1],
    [{ LOG_LEVEL: 'INFO' }, (s) => s.engine.logLevel, 'info'],
    [{ LOG_LEVEL: 'Fatal' }, (s) => s.engine.logLevel, 'fatal'],
    [{ NODE_ENV: 'production' }, (s) => s.engine.unknownActions, 'reject'],
    [{ NODE_ENV: 'production', UNKNOWN_ACTIONS: 'simulate' }, (s) => s.engine.unknownActions, 'simulate'],
    [{ SIMULATION_MS: '0' }, (s) => s.engine.simulationMs, 0],
    [{}, (s) => s.engine.offline, false],
    [{ OFFLINE: 'True' }, (s) => s.engine.offline, true],
    [{ PORT: '' }, (s) => s.server.port, 8000],
    [{ WORKFLOWS_DIR: 'data/w' }, (s) => s.engine.workflowsDir.slice(cwd.length), '/data/w'],
    [{ QUEUE_STATE_FILE: '/q.json' }, (s) => s.engine.queueStateFile, '/q.json'],
    [
      { OPENAI_API_KEY: 'sk-1', DEEPSEEK_API_KEY: 'sk-2', GOOGLE_API_KEY: 'g', CHAT_API_KEY: 'c' },
      (s) => s.engine.secrets,
      { OPENAI_API_KEY: 'sk-1', DEEPSEEK_API_KEY: 'sk-2', GOOGLE_API_KEY: 'g', CHAT_API_KEY: 'c' },
    ],
    [
      { ALLOWED_HOSTS: 'Engine.example:8000, 10.0.0.5,,[::1]:80' },
      (s) => s.server.allowedHosts,
      ['engine.example:8000', '10.0.0.5', '[::1]:80'],
    ],
    [
      { ALLOWED_ORIGINS: 'http://localhost:3000,chrome-extension://abc' },
      (s) => s.server.allowedOrigins,
      ['http://localhost:3000', 'chrome-extension://abc'],
    ],
    [{ HTTP_ALLOW_HOSTS: 'localhost:11434' }, (s) => s.engine.httpAllowHosts, ['localhost:11434']],
    [{ NO_PROXY: '*' }, (s) => s.engine.proxies, undefined],
    [{ HTTP_PROXY: '' }, (s) => s.engine.proxies, undefined],
    [
      { HTTP_PROXY: 'proxy.example:3128' },
      (s) => s.engine.proxies,
      { http: 'http://proxy.example:3128/', noProxy: [] },
    ],
    [
      {
        HTTP_PROXY: 'http://a:1',
        http_proxy: 'http://b:2',
        HTTPS_PROXY: 'https://user:p%40ss@c:3',
        no_proxy: 'x, .y z:1,,::1',
      },
      (s) => s.engine.proxies,
      { http: 'http://b:2/', https: 'https://user:p%40ss@c:3/', noProxy: ['x', '.y', 'z:1', '::1'] },
    ],
  ];
  test.each(cases)('%j is taken', (env, pick, expected) => {
    expect(pick(read(env))).toEqual(expected);
  });

  test('of a *_BASE_URL is kept as written, and its host may be reached', () => {
    const { secrets, httpAllowHosts } = read({
      OPENAI_BASE_URL: 'http://LOCALHOST:11434/v1',
      DEEPSEEK_BASE_URL: 'https://models.internal',
      GEMINI_BASE_URL: 'http://[::1]/g',
      HTTP_ALLOW_HOSTS: 'localhost:11434',
    }).engine;
    expect(secrets).toEqual({
      OPENAI_BASE_URL: 'http://LOCALHOST:11434/v1',
      DEEPSEEK_BASE_URL: 'https://models.internal',
      GEMINI_BASE_URL: 'http://[::1]/g',
    });
    expect(httpAllowHosts).toEqual(['localhost:11434', 'models.internal:443', '[::1]:80']);
  });
});

test('a password in the address of a proxy is not shown', () => {
  for (const name of ['HTTP_PROXY', 'https_proxy']) {
    const { message } = refusal({ [name]: 'ftp://user:canary@proxy.example' });
    expect(message).toBe(
      `${name.toUpperCase()}="ftp://…@proxy.example" is not allowed; allowed: the http or https address of a proxy, such as http://proxy.example:3128`,
    );
  }
});

describe('KEEP_FINISHED', () => {
  test.each([
    ['14d', { ageMs: 1_209_600_000 }],
    ['1000', { count: 1_000 }],
    ['', undefined],
  ])('%s', (text, keep) => {
    expect(read({ KEEP_FINISHED: text }).engine.keepFinished).toEqual(keep);
  });

  test.each(['all', '0d', '-1'])('%s is refused, with what is allowed', (text) => {
    expect(refusal({ KEEP_FINISHED: text }).message).toMatch(
      /^KEEP_FINISHED=".*" .*an age such as 14d, 36h or 90m, or a count/,
    );
  });
});

describe('DAILY_BUDGET', () => {
  test.each([
    ['{usd: 5, calls: 100}', { usd: 5, calls: 100 }],
    ['{"tokens": 2000}', { tokens: 2000 }],
    ['usd: 0.5', { usd: 0.5 }],
  ])('%s is a budget', (text, budget) => {
    expect(read({ DAILY_BUDGET: text }).engine.dailyBudget).toEqual(budget);
  });

  test.each(['5', '{euros: 5}', '{usd: -1}', '{}', '{usd: '])('%s is refused, with what is allowed', (text) => {
    expect(refusal({ DAILY_BUDGET: text }).message).toMatch(
      /^DAILY_BUDGET=".*" is not allowed; allowed: a budget such as/,
    );
  });
});

describe('PRICES_FILE', () => {
  test('is YAML or JSON, relative to the working directory', async () => {
    const rates = { input_per_million: 0.000001, output_per_million: 60 };
    await writeFile(join(cwd, 'prices.json'), JSON.stringify({ 'openai/gpt-4': rates }));
    await writeFile(join(cwd, 'prices.yaml'), 'localhost:11434/*: {input_per_million: 0, output_per_million: 0}');
    expect(read({ PRICES_FILE: 'prices.json' }).engine.prices).toEqual({ 'openai/gpt-4': rates });
    expect(read({ PRICES_FILE: join(cwd, 'prices.yaml') }).engine.prices).toEqual({
      'localhost:11434/*': { input_per_million: 0, output_per_million: 0 },
    });
    await writeFile(join(cwd, 'as.yaml'), 'Gateway.local:4000: {as: gemini}\nother: {as: openrouter}');
    expect(read({ PRICES_FILE: 'as.yaml' }).engine.prices).toEqual({
      'gateway.local:4000': { as: 'gemini' },
      other: { as: 'openrouter' },
    });
  });

  test.each([
    ['gpt-4: {input_per_million: 1, output_per_million: 1}', /gpt-4: its name must read/],
    ['a/b: {input_per_million: 1}', /output_per_million: is missing/],
    ['a/b: {input_per_million: -1, output_per_million: 1}', /input_per_million/],
    ['a/b: {input_per_million: 0.0000001, output_per_million: 1}', /more than six decimals/],
    ['a/b: {input_per_million: 1, output_per_million: 1, price: 1}', /unknown field "price"/],
    ['a/b: {input_per_million: 1', /a readable YAML or JSON file/],
    ['gateway.local: {as: opnai}', /gateway\.local\.as: the price list knows no "opnai"; openai, deepseek or gemini/],
    ['gateway.local: {as: google, input_per_million: 1}', /unknown field "input_per_million"/],
    ['gateway.local: {as: 7}', /gateway\.local\.as/],
    ['openai/gpt-4: {as: openai}', /openai\/gpt-4/],
    ['[]', /the whole/],
  ])('that reads %j stops the start', async (text, message) => {
    await writeFile(join(cwd, 'prices.yaml'), text);
    const refused = refusal({ PRICES_FILE: 'prices.yaml' });
    expect(refused.message).toMatch(/^PRICES_FILE="prices.yaml" is not allowed/);
    expect(refused.message).toMatch(message);
    expect(refused.message).not.toContain('\n');
  });

  test('that is not there stops the start', () => {
    expect(refusal({ PRICES_FILE: 'nowhere.yaml' }).message).toMatch(/ENOENT/);
  });
});

describe('LIMITS', () => {
  const modelLimits = {
    'openai/gpt-4o': { concurrency: 8, requestsPerMinute: 60, tokensPerMinute: 20_000 },
    '*': { concurrency: 2 },
  };

  test('is a YAML or JSON file, or the same as text', async () => {
    await writeFile(join(cwd, 'limits.json'), JSON.stringify(modelLimits));
    expect(read({ LIMITS: 'limits.json' }).engine.modelLimits).toEqual(modelLimits);
    expect(read({ LIMITS: join(cwd, 'limits.json') }).engine.modelLimits).toEqual(modelLimits);
    expect(read({ LIMITS: JSON.stringify(modelLimits) }).engine.modelLimits).toEqual(modelLimits);
    expect(read({ LIMITS: 'localhost:11434/*: {concurrency: 1}' }).engine.modelLimits).toEqual({
      'localhost:11434/*': { concurrency: 1 },
    });
    expect(read({}).engine.modelLimits).toEqual({});
  });

  test('as the documentation shows it is taken', async () => {
    const page = await readFile(new URL('../docs/models.md', import.meta.url), 'utf8');
    const example = /<!-- limits -->\n```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    expect(Object.keys(read({ LIMITS: example }).engine.modelLimits ?? {})).toHaveLength(4);
  });

  test('can stand in .env as text', async () => {
    await writeFile(join(cwd, '.env'), `LIMITS=${JSON.stringify(modelLimits)}\n`);
    expect(read({}).engine.modelLimits).toEqual(modelLimits);
  });

  test.each([
    ['gpt-4o: {concurrency: 1}', /gpt-4o: its name must read/],
    ['a/b: {concurrency: 0}', /a\/b.*concurrency/],
    ['a/b: {requestsPerMinute: 0.5}', /requestsPerMinute/],
    ['a/b: {requests: 5}', /unknown field "requests"/],
    ['a/b: {}', /a\/b.*needs concurrency, requestsPerMinute or tokensPerMinute/],
    ['a/b: {concurrency: 1', /in YAML or JSON, or a readable file/],
    ['[]', /the whole/],
    ['nowhere.yaml', /ENOENT/],
  ])('that reads %j stops the start', (text, message) => {
    const refused = refusal({ LIMITS: text });
    expect(refused.message).toMatch(/^LIMITS=".*" is not allowed/);
    expect(refused.message).toMatch(message);
    expect(refused.message).not.toContain('\n');
  });
});

describe('a bad value', () => {
  const cases: [string, string, RegExp][] = [
    ['HOST', '127.0.0.1:8000', /IP address or a host name/],
    ['HOST', '300.1.1.1', /IP address or a host name/],
    ['HOST', 'a b', /IP address or a host name/],
    ['HOST', '0.0.0.0', /set API_TOKEN/],
    ['HOST', '::', /set API_TOKEN/],
    ['HOST', '127.evil.example', /set API_TOKEN/],
    ['PORT', '65536', /from 0 to 65535/],
    ['PORT', '-1', /from 0 to 65535/],
    ['PORT', 'http', /from 0 to 65535/],
    ['PORT', '8e3', /from 0 to 65535/],
    ['MAX_PARALLEL_NODES', '0', /from 1 to 10000/],
    ['MAX_PARALLEL_NODES', '10001', /from 1 to 10000/],
    ['MAX_PARALLEL_NODES', '2.5', /from 1 to 10000/],
    ['POOL_THREADS', '0', /from 1 to 256/],
    ['POOL_THREADS', '257', /from 1 to 256/],
    ['SIMULATION_MS', '86400001', /from 0 to 86400000/],
    ['LOG_LEVEL', 'loud', /trace, debug, info, warn, error, fatal/],
    ['UNKNOWN_ACTIONS', 'ignore', /simulate, reject/],
    ['OFFLINE', 'yes', /true, false/],
    ['OPENAI_BASE_URL', 'ftp://x', /http or https address/],
    ['DEEPSEEK_BASE_URL', 'models', /http or https address/],
    ['GEMINI_BASE_URL', 'http://', /http or https address/],
    ['ALLOWED_HOSTS', 'http://engine.example', /entries such as engine.example:8000/],
    ['ALLOWED_HOSTS', '*', /entries such as/],
    ['ALLOWED_HOSTS', 'x:0', /entries such as/],
    ['ALLOWED_HOSTS', 'x:70000', /entries such as/],
    ['ALLOWED_HOSTS', '[zz]:1', /entries such as/],
    ['ALLOWED_HOSTS', '0x999999999', /entries such as/],
    ['HTTP_PROXY', 'socks5://proxy.example:1080', /http or https address of a proxy/],
    ['HTTPS_PROXY', 'http://', /http or https address of a proxy/],
    ['HTTP_ALLOW_HOSTS', '10.0.0.0/8', /entries such as localhost:11434/],
    ['ALLOWED_ORIGINS', '*', /entries such as http:\/\/localhost:3000/],
    ['ALLOWED_ORIGINS', 'http://*.example.org', /entries such as .*; \* stands for nothing here: name each$/],
    ['ALLOWED_ORIGINS', 'chrome-extension://*', /"chrome-extension:\/\/\*" .*name each$/],
    ['ALLOWED_HOSTS', '*.example.org', /; \* stands for nothing here: name each$/],
    ['HTTP_ALLOW_HOSTS', '*.example.org', /; \* stands for nothing here: name each$/],
    ['ALLOWED_ORIGINS', 'null', /entries such as/],
    ['ALLOWED_ORIGINS', 'http://localhost:3000/', /entries such as/],
    ['ALLOWED_ORIGINS', 'http://example.org:80', /entries such as/],
    ['ALLOWED_ORIGINS', 'file://x', /entries such as/],
    ['LOG_LEVEL', 'in\nfo\u001b[2J', /trace, debug/],
  ];
  test.each(cases)('%s=%j stops the start with one line that says what is allowed', (name, value, allowed) => {
    const error = refusal({ [name]: value });
    expect(error.exitStatus).toBe(1);
    expect(error.message).toContain(`${name}=${JSON.stringify(value)} is not allowed; allowed: `);
    expect(error.message).toMatch(allowed);
    expect(error.message).toMatch(/^[\x20-\x7e]+$/);
  });

  test.each(['OPENAI_API_KEY', 'DEEPSEEK_API_KEY', 'GOOGLE_API_KEY', 'API_TOKEN'])(
    'of the secret %s is refused by name and never shown',
    (name) => {
      const error = refusal({ [name]: 'canary one\nsk-canary' });
      expect(error.exitStatus).toBe(1);
      expect(error.message).toMatch(new RegExp(`^${name} is not usable.*printable ASCII`));
      expect(error.message).not.toContain('canary');
    },
  );

  test.each([
    'https://me:sk-canary@models.internal',
    'https://:canary@models.internal',
    'https://canary@models.internal',
  ])('of a *_BASE_URL that holds credentials is refused and never shown (%s)', (url) => {
    const error = refusal({ OPENAI_BASE_URL: url });
    expect(error.message).toMatch(/^OPENAI_BASE_URL holds a user name or password/);
    expect(error.message).not.toContain('canary');
  });

  test('of a *_BASE_URL with a key in its query stops the start without being shown', () => {
    const { message } = refusal({ CHAT_BASE_URL: 'http://models.example/v1?key=hidden' });
    expect(message).toMatch(/^CHAT_BASE_URL holds a key in its query: put it into MODEL_SERVERS/);
    expect(message).not.toContain('hidden');
  });

  test('that is very long is cut in the message', () => {
    expect(refusal({ LOG_LEVEL: 'x'.repeat(100_000) }).message.length).toBeLessThan(400);
  });
});

describe('paths', () => {
  test.each([
    ['WORKFLOWS_DIR', 'a writable directory'],
    ['TEMPLATES_DIR', 'a readable directory'],
  ])('%s must be a directory where it exists', async (name, allowed) => {
    await writeFile(join(cwd, 'file'), '');
    for (const path of ['file', 'file/below']) {
      const error = refusal({ [name]: path });
      expect(error.message).toContain(`${name}=${JSON.stringify(join(cwd, path))} is not allowed`);
      expect(error.message).toContain(allowed);
    }
  });

  test('QUEUE_STATE_FILE must be a file where it exists', async () => {
    await mkdir(join(cwd, 'q'));
    expect(refusal({ QUEUE_STATE_FILE: 'q' }).message).toMatch(
      /^QUEUE_STATE_FILE=.*allowed: the path of a writable file/,
    );
    await writeFile(join(cwd, 'ok.json'), '[]');
    expect(read({ QUEUE_STATE_FILE: 'ok.json' }).engine.queueStateFile).toBe(join(cwd, 'ok.json'));
  });

  // A superuser may read everything, so there is nothing to see there.
  test.skipIf(process.getuid?.() === 0)('a directory that may not be read stops the start', async () => {
    await mkdir(join(cwd, 'shut'));
    await chmod(join(cwd, 'shut'), 0);
    expect(refusal({ WORKFLOWS_DIR: 'shut' }).message).toMatch(/EACCES/);
  });

  test('TEMPLATES_DIR is used where it exists, else the templates of the package', async () => {
    await mkdir(join(cwd, 'mine'));
    expect(read({ TEMPLATES_DIR: 'mine' }).engine.templatesDir).toBe(join(cwd, 'mine'));
    expect(read({ TEMPLATES_DIR: 'absent' }).engine.templatesDir).toBe(
      resolve(import.meta.dirname, '../workflows/templates'),
    );
    await mkdir(join(cwd, 'workflows/templates'), { recursive: true });
    expect(read().engine.templatesDir).toBe(join(cwd, 'workflows/templates'));
  });
});

describe('.env', () => {
  test('fills in what the environment leaves out', async () => {
    await writeFile(join(cwd, '.env'), '# comment\nPORT=9000\nLOG_LEVEL="debug"\nexport OPENAI_API_KEY=sk-file\n');
    const { engine, server } = read({ PORT: '9100', LOG_LEVEL: undefined });
    expect(server.port).toBe(9100);
    expect(engine.logLevel).toBe('debug');
    expect(engine.secrets).toEqual({ OPENAI_API_KEY: 'sk-file' });
  });

  test('does not fill in what the environment sets to nothing', async () => {
    await writeFile(join(cwd, '.env'), 'OPENAI_API_KEY=sk-file\n');
    expect(read({ OPENAI_API_KEY: '' }).engine.secrets).toEqual({});
  });

  test('is checked like the environment', async () => {
    await writeFile(join(cwd, '.env'), 'MAX_PARALLEL_NODES=0\n');
    expect(refusal({}).message).toMatch(/^MAX_PARALLEL_NODES="0" is not allowed/);
  });

  test('that cannot be read stops the start and is named', async () => {
    await mkdir(join(cwd, '.env'));
    expect(refusal({}).message).toMatch(/\.env cannot be read \(EISDIR\)/);
  });

  test('.env.example names every setting, and only those', async () => {
    const root = resolve(import.meta.dirname, '..');
    const example = await readFile(join(root, '.env.example'), 'utf8');
    const parts = (await readdir(join(root, 'src/config'))).map((name) => `src/config/${name}`);
    const sources = await Promise.all(['src/config.ts', ...parts].map((file) => readFile(join(root, file), 'utf8')));
    const source = sources.join('');
    const listed = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map((match) => match[1]);
    const used = [...source.matchAll(/'([A-Z]+(?:_[A-Z]+)*)'/g)].map((match) => match[1]);
    const notSettings = ['ENOENT'];
    expect([...new Set(listed)].sort()).toEqual(
      [...new Set(used)].filter((name) => !notSettings.includes(name ?? '')).sort(),
    );
  });
});

describe('settings that a program gives (CFG5)', () => {
  test.each([
    [{ dailyBudget: { call: 1 } }, 'settings.dailyBudget.call: unknown field "call"; did you mean "calls"?'],
    [{ dailyBudget: 5 }, 'settings.dailyBudget: expected object, received number'],
    [{ limits: {} }, 'settings.limits: unknown field "limits"'],
    [{ modelLimits: { a: {} } }, 'settings.modelLimits.a: '],
    [{ unknownActions: 'refuse' }, 'settings.unknownActions: expected one of "simulate"|"reject"'],
    [{ httpAllowHosts: ['http://localhost:1'] }, 'settings.httpAllowHosts[0]: must be a host, or host:port'],
    [{ workflowDir: 'x' }, 'settings.workflowDir: unknown field "workflowDir"; did you mean "workflowsDir"?'],
    [{ workflowsDir: 5 }, 'settings.workflowsDir: expected string, received number'],
    [
      { maxParallelNodes: 0, poolThreads: 0 },
      'settings.maxParallelNodes: expected number to be >=1; settings.poolThreads: ',
    ],
    [{ logLevel: 'loud' }, 'settings.logLevel: expected one of "trace"'],
    [
      { secrets: { OPENAI_KEY: 'sk-1' } },
      'settings.secrets.OPENAI_KEY: unknown field "OPENAI_KEY"; did you mean "OPENAI_API_KEY"?',
    ],
    [{ secrets: { OPENAI_API_KEY: 'sk canary' } }, 'settings.secrets.OPENAI_API_KEY: must be up to 4096'],
  ])('%j is refused: %s', (given, message) => {
    const check = () => checkSettings(given as object);
    expect(check).toThrow(StartError);
    expect(check).toThrow(message);
    expect(check).not.toThrow('canary');
  });

  test('whatever the environment gives is taken', () => {
    expect(() =>
      checkSettings(read({ OPENAI_API_KEY: 'sk-1', CHAT_BASE_URL: 'http://127.0.0.1:1/v1', PORT: '0' }).engine),
    ).not.toThrow();
  });
});

describe('MODEL_SERVERS', () => {
  test('is a file or text, becomes JSON text among the secrets, and lets its hosts be reached', async () => {
    const servers = { 'https://x.example:8443/openai': { key: 'k', headers: { 'api-key': 'k2' }, query: { v: '1' } } };
    await writeFile(join(cwd, 'servers.yaml'), JSON.stringify(servers));
    for (const MODEL_SERVERS of ['servers.yaml', JSON.stringify(servers)]) {
      const { engine } = read({ MODEL_SERVERS });
      expect(engine.secrets).toEqual({ MODEL_SERVERS: JSON.stringify(servers) });
      expect(engine.httpAllowHosts).toEqual(['x.example:8443']);
    }
    expect(read({ OPENAI_BASE_URL: 'https://x.example/v1?api-version=2024-10-21' }).engine.secrets).toEqual({
      OPENAI_BASE_URL: 'https://x.example/v1?api-version=2024-10-21',
    });
  });

  test.each([
    ['{"https://x.example": {"key": "hidden key"}}', /key: must be printable ASCII/],
    ['{"https://x.example?a=hidden": {}}', /must be an http or https address/],
    ['{"https://x.example": {"headers": {"Content-Length": "hidden"}}}', /is set by the engine itself/],
    ['{"https://x.example": {"token": "hidden"}}', /unknown field "token"/],
    ['{"https://x.example": {"key": "hidden', /no YAML/],
  ])('%j stops the start without being shown', (MODEL_SERVERS, message) => {
    const refused = refusal({ MODEL_SERVERS }).message;
    expect(refused).toMatch(/^MODEL_SERVERS is not usable/);
    expect(refused).toMatch(message);
    expect(refused).not.toContain('hidden');
  });
});
