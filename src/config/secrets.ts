/**
 * The store of secrets: `SECRET_<NAME>` in the environment or in `.env`, the files of `SECRETS_DIR`, the entries of
 * `SECRETS_FILE`. No message shows a value (CFG3).
 */
import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { parseBounded } from '../contract/bounded-parse.ts';
import { toFieldErrors } from '../contract/field-errors.ts';
import { type SecretStore, secretNameAllowed, secretNamePattern, secretStoreSchema } from '../contract/secret-store.ts';
import { StartError } from '../contract/store.ts';
import { readList, toHost } from './addresses.ts';
import { errorCode, refuse } from './refusal.ts';
import { readYaml } from './structures.ts';

const [dirSetting, fileSetting] = ['SECRETS_DIR', 'SECRETS_FILE'];
const ownSecret = /^SECRET_(.+?)(_HOSTS)?$/;

interface Found {
  value: string;
  hosts?: readonly string[] | undefined;
  /** The setting that it comes from. */
  from: string;
}

/** `text` reads a setting, as the environment and `.env` have it; `names` are those that either sets. */
export function readSecretStore(
  cwd: string,
  names: readonly string[],
  text: (name: string) => string | undefined,
): SecretStore {
  const found = new Map<string, Found>();
  const add = (name: string, secret: Found) => {
    const other = found.get(name);
    if (other === undefined) found.set(name, secret);
    else throw new StartError(`the secret ${name} stands in ${other.from} and in ${secret.from}: leave one of them`, 1);
  };
  const own = names.flatMap((name) => {
    const [, secret = '', hosts] = ownSecret.exec(name) ?? [];
    return secret === '' ? [] : [{ setting: name, secret, isHosts: hosts !== undefined }];
  });
  for (const { setting, secret, isHosts } of own) {
    if (!secretNamePattern.test(secret))
      throw new StartError(`${setting}: the name of a secret is ${secretNameAllowed}`, 1);
    const value = isHosts ? undefined : text(setting);
    if (value !== undefined) add(secret, { value, from: setting });
  }
  const dir = text('SECRETS_DIR');
  if (dir !== undefined) for (const [name, value] of readDir(cwd, dir)) add(name, { value, from: dirSetting });
  const file = text('SECRETS_FILE');
  if (file !== undefined) for (const [name, secret] of readFile(cwd, file)) add(name, { ...secret, from: fileSetting });
  for (const { setting, secret, isHosts } of own) {
    if (!isHosts) continue;
    const hosts = readList(setting, text(setting), toHost, 'api.github.com, nas.lan:8080');
    const known = found.get(secret);
    if (known !== undefined && hosts.length > 0) known.hosts = hosts;
    // One that is set to nothing, as a template for containers does, has hosts all the same.
    else if (hosts.length > 0 && !names.includes(`SECRET_${secret}`)) {
      throw new StartError(
        `${setting} names hosts of a secret that is not there: set SECRET_${secret}, or leave it out`,
        1,
      );
    }
  }
  return check(found);
}

function check(found: ReadonlyMap<string, Found>): SecretStore {
  const store = Object.fromEntries(
    [...found].map(([name, { value, hosts = [] }]) => [name, { value, hosts: [...new Set(hosts)] }]),
  );
  const parsed = parseBounded(secretStoreSchema, store);
  if (parsed.success) return parsed.data;
  const [{ path, message } = { path: '', message: '' }] = toFieldErrors(parsed.error.issues);
  const name = path.split('.', 1).join();
  throw new StartError(
    `the secret ${name} of ${found.get(name)?.from} is not usable (its value is not shown): ${message}`,
    1,
  );
}

/** Docker's way: a file for each secret, named by it. `db-password` is DB_PASSWORD. */
function readDir(cwd: string, value: string): [string, string][] {
  const dir = resolve(cwd, value);
  let entries: Dirent[];
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch (cause) {
    throw refuse(dirSetting, value, `a readable directory of files, one for each secret (${errorCode(cause)})`, cause);
  }
  return entries.flatMap((entry): [string, string][] => {
    // Kubernetes keeps the files behind `..data`, and links to them.
    if (entry.name.startsWith('.') || entry.isDirectory()) return [];
    const name = entry.name.toUpperCase().replace(/[-.]/g, '_');
    if (!secretNamePattern.test(name)) {
      throw new StartError(
        `${dirSetting}: the file ${JSON.stringify(entry.name)} cannot name a secret: allowed are letters, digits, -, . and _`,
        1,
      );
    }
    const text = readText(join(dir, entry.name), entry.name);
    return text === '' ? [] : [[name, text]];
  });
}

function readText(path: string, name: string): string {
  try {
    return withoutLineEnd(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path)));
  } catch (cause) {
    const why = cause instanceof TypeError ? 'it is no text in UTF-8' : errorCode(cause);
    throw new StartError(`${dirSetting}: the file ${JSON.stringify(name)} cannot be read (${why})`, 1);
  }
}

/** Editors and `echo` end a file with a line break, which is no part of the secret. */
function withoutLineEnd(text: string): string {
  return text.replace(/[\r\n]+$/, '');
}

const fileSchema = z.record(
  z.string(),
  z.union([z.string().min(1), z.strictObject({ value: z.string().min(1), hosts: z.array(z.string()).optional() })]),
);

function readFile(cwd: string, value: string): [string, Omit<Found, 'from'>][] {
  const allowed = 'a readable YAML or JSON file of secrets by NAME: a text, or {value, hosts}';
  let written: unknown;
  try {
    written = readYaml(cwd, value);
  } catch (cause) {
    // What is wrong with the YAML would show a part of it.
    const code = errorCode(cause);
    throw refuse(fileSetting, value, `${allowed} (${/^E[A-Z]+$/.test(code) ? code : 'no YAML'})`);
  }
  const parsed = parseBounded(fileSchema, written);
  if (!parsed.success) {
    const [first] = toFieldErrors(parsed.error.issues);
    throw refuse(
      fileSetting,
      value,
      `${allowed} (${first?.path || 'the whole'}: ${first?.message}; a number stands in quotes)`,
    );
  }
  return Object.entries(parsed.data).map(([name, secret]) => {
    if (!secretNamePattern.test(name)) {
      throw refuse(
        fileSetting,
        value,
        `${allowed} (${JSON.stringify(name.slice(0, 64))}: a name is ${secretNameAllowed})`,
      );
    }
    if (typeof secret === 'string') return [name, { value: withoutLineEnd(secret) }];
    const hosts = secret.hosts?.map((entry) => {
      const host = toHost(entry);
      if (host !== undefined) return host;
      throw refuse(fileSetting, value, `${allowed} (${name}.hosts: entries such as api.github.com, nas.lan:8080)`);
    });
    return [name, { value: withoutLineEnd(secret.value), hosts }];
  });
}
