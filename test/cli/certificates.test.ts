/**
 * Goal: a certificate authority of one's own is trusted where NODE_EXTRA_CA_CERTS names it, and nowhere else. Method: the
 * command line as a process, and a server with a certificate of the tests' authority.
 */
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCli } from './cli-process.ts';

const tls = path.resolve('test/fixtures/tls');

test('a step meets a server whose authority NODE_EXTRA_CA_CERTS names, and refuses it without', async () => {
  const cwd = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'hybrid-certificates-')));
  onTestFinished(() => fs.rmSync(cwd, { recursive: true, force: true }));
  const [key, cert] = ['server.key', 'server.pem'].map((name) => fs.readFileSync(path.join(tls, name)));
  const server = createServer({ key, cert }, (_, response) => response.end('met')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  const step = { id: 'a', action: 'http_request', retry: { attemptsMax: 1 }, params: { url: `https://${host}/` } };
  fs.writeFileSync(path.join(cwd, 'w.json'), JSON.stringify({ name: 'w', steps: [step] }));
  const env = { HTTP_ALLOW_HOSTS: host };
  const trusting = await runCli(['run', 'w.json'], {
    cwd,
    env: { ...env, NODE_EXTRA_CA_CERTS: path.join(tls, 'ca.pem') },
  });
  expect({ status: trusting.status, stdout: trusting.stdout }).toEqual({ status: 0, stdout: 'met\n' });
  const strict = await runCli(['run', 'w.json'], { cwd, env });
  expect(strict.status).toBe(1);
  expect(strict.stderr).toMatch(/certificate/i);
});
