/** Goal: what is installed asks for little, runs nothing from elsewhere, and is small. Method: it is built, and its files read. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildExtension } from '../../scripts/build-extension.js';
import { version } from '../../src/version.ts';

const browsers = ['chrome', 'firefox'] as const;
const names = [
  ...['LICENSES.txt', 'background.js', 'icons', 'inter-latin-wght-normal.woff2', 'manifest.json', 'popup.css'],
  ...['popup.html', 'popup.js', 'theme.js'],
];

let place: string;
beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'hybrid-extension-'));
  await buildExtension(place);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const pathOf = (...parts: string[]) => join(place, 'extension', ...parts);
const read = (...parts: string[]) => readFileSync(pathOf(...parts), 'utf8');
const manifestOf = (browser: string) => JSON.parse(read(browser, 'manifest.json')) as Record<string, unknown>;

describe.each(browsers)('the build for %s', (browser) => {
  it('has these files, and takes less than 150 KB', () => {
    expect(readdirSync(pathOf(browser)).sort()).toEqual(names);
    const files = readdirSync(pathOf(browser), { recursive: true, encoding: 'utf8' }).map((name) =>
      pathOf(browser, name),
    );
    const bytes = files.reduce((sum, file) => sum + (statSync(file).isFile() ? statSync(file).size : 0), 0);
    expect(bytes).toBeLessThan(150_000);
  });

  it('asks for these permissions, and gives pages nothing to reach', () => {
    const manifest = manifestOf(browser);
    expect(manifest).toMatchObject({
      ...{ manifest_version: 3, version },
      permissions: ['activeTab', 'scripting', 'contextMenus', 'storage', 'alarms'],
      optional_host_permissions: ['http://*/*', 'https://*/*'],
    });
    // Patterns of Firefox name no port.
    const port = browser === 'chrome' ? ':8000' : '';
    expect(manifest.host_permissions).toEqual([`http://127.0.0.1${port}/*`, `http://localhost${port}/*`]);
    for (const name of ['content_scripts', 'web_accessible_resources', 'externally_connectable']) {
      expect(manifest).not.toHaveProperty(name);
    }
  });

  it('has a policy under which nothing from elsewhere runs', () => {
    const { extension_pages: policy } = manifestOf(browser).content_security_policy as { extension_pages: string };
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(policy).not.toMatch(/unsafe|\*|data:|upgrade-insecure/);
    for (const script of ['background.js', 'popup.js', 'theme.js']) {
      expect(read(browser, script)).not.toMatch(/\beval\(|new Function|importScripts|import\(/);
    }
    expect(read(browser, 'popup.html')).not.toMatch(/style=|<style|\son\w+=|<script>|https?:/);
  });

  it('brings the licences of what went into it', () => {
    for (const name of ['preact ', '@fontsource-variable/inter '])
      expect(read(browser, 'LICENSES.txt')).toContain(name);
  });
});

it('Chrome gives it one id everywhere, which is made of its public key', () => {
  const { key } = manifestOf('chrome') as { key: string };
  const bytes = Buffer.from(key, 'base64');
  const id = [...createHash('sha256').update(bytes).digest('hex').slice(0, 32)]
    .map((digit) => 'abcdefghijklmnop'[Number.parseInt(digit, 16)])
    .join('');
  expect(id).toBe('ffcaekjojidlmhjaaiiifinpgcmphnmd');
  expect(readFileSync('docs/extension.md', 'utf8')).toContain(id);
  expect(manifestOf('firefox')).not.toHaveProperty('key');
});

it('the private half of the key is nowhere in the checkout', () => {
  const files = readdirSync('extension', { recursive: true, encoding: 'utf8' });
  expect(files.filter((name) => /\.(?:pem|key|p8)$/.test(name))).toEqual([]);
});
