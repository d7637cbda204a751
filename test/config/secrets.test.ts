/** Goal: where secrets of steps come from, and that no start shows a value. Method: `readSettings` in a fresh directory. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkSettings, readSettings } from '../../src/config.ts';
import { StartError } from '../../src/contract/store.ts';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'hybrid-secrets-'));
  await mkdir(join(cwd, 'dir'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const read = (env: NodeJS.ProcessEnv) => readSettings(env, cwd).engine.secretStore;

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    expect(error.exitStatus).toBe(1);
    expect(error.message).not.toMatch(/canary|\n/);
    return error.message;
  }
  throw new Error('accepted');
}

describe('SECRET_<NAME>', () => {
  test('is a secret, with its hosts in the spelling of addresses, from the environment and from .env', async () => {
    await writeFile(join(cwd, '.env'), 'SECRET_A=from-file\nSECRET_C=c\nSECRET_B_HOSTS=nas.lan:8080\n');
    const env = {
      SECRET_A: ' b c ',
      SECRET_A_HOSTS: 'API.Example.com, [::1]:80,',
      SECRET_B: 'two\nlines',
      SECRETS: 'x',
      SECRET_C: '',
    };
    expect(read(env)).toEqual({
      A: { value: 'b c', hosts: ['api.example.com', '[::1]:80'] },
      B: { value: 'two\nlines', hosts: ['nas.lan:8080'] },
    });
  });

  test.each<[NodeJS.ProcessEnv, RegExp]>([
    [{ SECRET_token: 'canary' }, /^SECRET_token: the name of a secret is capital letters, digits and _/],
    [{ SECRET_1A: 'canary' }, /^SECRET_1A: the name/],
    [{ SECRET_A_HOSTS: 'a.example' }, /^SECRET_A_HOSTS names hosts of a secret that is not there: set SECRET_A/],
    [{ SECRET_A: 'canary', SECRET_A_HOSTS: '*.example.com' }, /^SECRET_A_HOSTS=.* is not allowed; .*name each$/],
    [
      { SECRET_A: 'canary', SECRET_A_HOSTS: 'https://a.example' },
      /^SECRET_A_HOSTS=.* entries such as api\.github\.com/,
    ],
    [{ SECRET_A: `canary${'x'.repeat(65_536)}` }, /^the secret A of SECRET_A is not usable \(its value is not shown\)/],
    [{ SECRET_A: 'canary\u0000' }, /^the secret A of SECRET_A is not usable .*without NUL/],
    [{ SECRET_A: 'canary\ud800' }, /^the secret A of SECRET_A is not usable/],
  ])('%j stops the start', (env, message) => {
    expect(refusalOf(() => read(env))).toMatch(message);
  });

  test('that is set to nothing is none, whatever its hosts', () => {
    expect(read({ SECRET_A: '', SECRET_A_HOSTS: 'a.example' })).toEqual({});
    expect(read({ SECRET_A_HOSTS: '' })).toEqual({});
  });

  test('more than 200 stop the start', () => {
    const env = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`SECRET_A${i}`, 'canary']));
    expect(refusalOf(() => read(env))).toMatch(/at most 200 secrets/);
  });
});

describe('SECRETS_DIR', () => {
  const env = { SECRETS_DIR: 'dir' };
  test('has a file for each, as Docker and Kubernetes lay them', async () => {
    await mkdir(join(cwd, 'dir/..data'));
    await mkdir(join(cwd, 'dir/below'));
    await writeFile(join(cwd, 'dir/..data/db-password'), 'pass word\r\n\n');
    await symlink('..data/db-password', join(cwd, 'dir/db-password'));
    await writeFile(join(cwd, 'dir/TOKEN'), '\ufeffé\nlast');
    await writeFile(join(cwd, 'dir/empty'), '\n');
    expect(read({ ...env, SECRET_TOKEN_HOSTS: 'a.example' })).toEqual({
      DB_PASSWORD: { value: 'pass word', hosts: [] },
      TOKEN: { value: '\ufeffé\nlast', hosts: ['a.example'] },
    });
  });

  test.each<[string, string | Buffer, RegExp]>([
    ['a b', 'canary', /^SECRETS_DIR: the file "a b" cannot name a secret/],
    ['1a', 'canary', /^SECRETS_DIR: the file "1a" cannot name a secret/],
    ['key', Buffer.from([0xff, 0xfe, 0]), /^SECRETS_DIR: the file "key" cannot be read \(it is no text in UTF-8\)/],
  ])('a file %s of it stops the start', async (name, content, message) => {
    await writeFile(join(cwd, 'dir', name), content);
    expect(refusalOf(() => read(env))).toMatch(message);
  });

  test('that is not there, or leads nowhere, stops the start', async () => {
    expect(refusalOf(() => read({ SECRETS_DIR: 'nowhere' }))).toMatch(
      /^SECRETS_DIR="nowhere" is not allowed; .*\(ENOENT\)/,
    );
    await symlink('nothing', join(cwd, 'dir/gone'));
    expect(refusalOf(() => read(env))).toMatch(/^SECRETS_DIR: the file "gone" cannot be read \(ENOENT\)/);
  });

  test('and another place with the same name stop the start', async () => {
    await writeFile(join(cwd, 'dir/a-b'), 'canary');
    expect(refusalOf(() => read({ ...env, SECRET_A_B: 'canary' }))).toBe(
      'the secret A_B stands in SECRET_A_B and in SECRETS_DIR: leave one of them',
    );
    await writeFile(join(cwd, 'dir/a.b'), 'canary');
    expect(refusalOf(() => read(env))).toMatch(/^the secret A_B stands in SECRETS_DIR and in SECRETS_DIR/);
  });
});

describe('SECRETS_FILE', () => {
  const write = (text: string) => writeFile(join(cwd, 'secrets.yaml'), text);
  const env = { SECRETS_FILE: 'secrets.yaml' };
  test('is YAML or JSON; the environment names other hosts', async () => {
    await write(
      'A: a\nB: {value: |\n  two\n  lines\n, hosts: [B.example]}\nC:\n  value: |\n    c\n  hosts: [c.example]\n'.replace(
        '{value: |\n  two\n  lines\n, hosts: [B.example]}',
        '{value: "two\\nlines\\n", hosts: [B.example]}',
      ),
    );
    expect(read({ ...env, SECRET_C_HOSTS: 'other.example' })).toEqual({
      A: { value: 'a', hosts: [] },
      B: { value: 'two\nlines', hosts: ['b.example'] },
      C: { value: 'c', hosts: ['other.example'] },
    });
    await write('{"A": "a"}');
    expect(read(env)).toEqual({ A: { value: 'a', hosts: [] } });
  });

  test.each([
    ['a: canary', /"a": a name is capital letters/],
    ['A: 12345678', /\(A: .*a number stands in quotes\)/],
    ['A: {value: canary, host: a.example}', /unknown field "host"/],
    ['A: {value: canary, hosts: [a b]}', /A\.hosts: entries such as/],
    ['A: ""', /\(A: /],
    ['A: {canary', /\(no YAML\)/],
    ['[canary]', /\(the whole: /],
  ])('that reads %j stops the start', async (text, message) => {
    await write(text);
    const told = refusalOf(() => read(env));
    expect(told).toMatch(
      /^SECRETS_FILE="secrets.yaml" is not allowed; allowed: a readable YAML or JSON file of secrets/,
    );
    expect(told).toMatch(message);
  });

  test('that is not there stops the start', () => {
    expect(refusalOf(() => read({ SECRETS_FILE: 'nowhere.yaml' }))).toMatch(/\(ENOENT\)/);
  });
});

test('secrets that a program gives are held to the same', () => {
  checkSettings({ secretStore: { A: { value: 'a' }, B: { value: 'b', hosts: ['a.example', 'b.example:81'] } } });
  for (const [secretStore, message] of [
    [{ a: { value: 'canary' } }, /settings\.secretStore\.a: its name must be the name of a secret/],
    [{ A: { value: '' } }, /settings\.secretStore\.A\.value/],
    [{ A: { value: 'canary', hosts: ['A.example'] } }, /settings\.secretStore: has hosts that are none/],
    [{ A: 'canary' }, /settings\.secretStore\.A/],
  ] as const) {
    expect(refusalOf(() => checkSettings({ secretStore } as never))).toMatch(message);
  }
});
