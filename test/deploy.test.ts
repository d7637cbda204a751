/**
 * Goal: what `deploy/` holds runs. Method: the Dockerfile's own steps are done in a directory of their own, as far as a
 * machine without Docker can: its copies and its build, then its command and its health check with its environment. The
 * packages are those of the checkout. systemd and Docker Compose check their files where the machine has them.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { serverBounds } from '../src/server/bounds.ts';

const execute = promisify(execFile);
const has = (command: string) => (process.env.PATH ?? '').split(':').some((dir) => existsSync(path.join(dir, command)));

type Instruction = [name: string, rest: string];

function readDockerfile(): Instruction[] {
  const lines = readFileSync('deploy/Dockerfile', 'utf8').split('\n');
  return lines.flatMap((line): Instruction[] => {
    const [, name, rest] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined) {
      expect(line).toMatch(/^(#.*)?$/);
      return [];
    }
    return [[name, rest]];
  });
}

const instructions = readDockerfile();
const stages = instructions.map(([name], at) => (name === 'FROM' ? at : -1)).filter((at) => at >= 0);
const [build, final] = [instructions.slice(stages[0], stages[1]), instructions.slice(stages[1])];
const restsOf = (stage: Instruction[], wanted: string) =>
  stage.flatMap(([name, rest]) => (name === wanted ? [rest] : []));
const isIgnored = (source: string) => source.includes('node_modules') || source.endsWith('/dist');

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function makeImage(): { image: string; app: string } {
  const place = realpathSync(mkdtempSync(path.join(tmpdir(), 'hybrid-image-')));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  const [app, image] = [path.join(place, 'build'), path.join(place, 'image')];
  mkdirSync(app);
  mkdirSync(path.join(image, 'data'), { recursive: true });
  return { image, app };
}

describe('the Dockerfile', () => {
  it('builds the engine from what it copies, and its command is healthy and stops in good order', async () => {
    const { image, app } = makeImage();
    for (const rest of restsOf(build, 'COPY')) {
      const parts = rest.split(' ');
      const target = path.join(app, parts.pop() ?? '');
      for (const source of parts) {
        const isFile = statSync(source).isFile();
        cpSync(source, isFile ? path.join(target, path.basename(source)) : target, { recursive: true });
      }
    }
    // In place of `npm ci`: the packages of the checkout, which the same lock file has installed.
    expect(restsOf(build, 'RUN')).toEqual([
      'npm ci --ignore-scripts',
      'npm run build',
      'npm prune --omit=dev --ignore-scripts',
    ]);
    symlinkSync(realpathSync('node_modules'), path.join(app, 'node_modules'));
    await execute('npm', ['run', 'build'], { cwd: app });

    for (const rest of restsOf(final, 'COPY')) {
      const [, from, source = '', target = ''] = /^(--from=build )?(\S+) (\S+)$/.exec(rest) ?? [];
      const origin = from ? source.replace(/^\/app/, app) : source;
      if (source === '/app/node_modules') symlinkSync(realpathSync('node_modules'), path.join(image, target));
      else
        cpSync(origin, path.join(image, target), {
          recursive: true,
          filter: (name) => from !== undefined || !isIgnored(name),
        });
    }
    const port = await freePort();
    const given = Object.fromEntries(restsOf(final, 'ENV').map((rest) => rest.split('=') as [string, string]));
    expect(given).toEqual({ NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '8000' });
    const env = { PATH: process.env.PATH, ...given, PORT: String(port), API_TOKEN: 'x'.repeat(40) };
    const cwd = path.join(image, restsOf(final, 'WORKDIR')[0] ?? '');
    const [command = '', ...args] = JSON.parse(restsOf(final, 'CMD')[0] ?? '[]') as string[];
    const inImage = args.map((arg) => arg.replace(/^\/app/, path.join(image, 'app')));
    const child = spawn(command, inImage, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk);
    });
    while (!stdout.includes('listening on')) await once(child.stdout, 'data');
    expect(stdout).toContain(`http://127.0.0.1:${port}`);

    const [, check = ''] = /CMD (\[.+\])$/.exec(restsOf(final, 'HEALTHCHECK')[0] ?? '') ?? [];
    const [probe = '', ...probeArgs] = JSON.parse(check) as string[];
    await execute(probe, probeArgs, { env });
    await expect(execute(probe, probeArgs, { env: { ...env, PORT: String(await freePort()) } })).rejects.toThrow();
    for (const name of ['/docs', '/docs/swagger-ui-bundle.js']) {
      expect((await fetch(`http://127.0.0.1:${port}${name}`)).status).toBe(200);
    }
    const headers = { authorization: `Bearer ${env.API_TOKEN}` };
    const templates = (await (await fetch(`http://127.0.0.1:${port}/api/templates`, { headers })).json()) as unknown[];
    expect(templates.length).toBeGreaterThan(0);
    expect(existsSync(path.join(cwd, 'workflows/.engine'))).toBe(true);

    const exit = once(child, 'close');
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  }, 120_000);

  it('runs as a user without rights, in its volume, on its port', () => {
    expect(restsOf(final, 'USER')).toEqual(['node']);
    expect(restsOf(final, 'RUN')).toEqual(['mkdir /data && chown node:node /data']);
    expect([restsOf(final, 'WORKDIR'), restsOf(final, 'VOLUME'), restsOf(final, 'EXPOSE')]).toEqual([
      ['/data'],
      ['/data'],
      ['8000'],
    ]);
    const images = restsOf(instructions, 'FROM').map((rest) => rest.split(' ')[0]);
    expect(new Set(images).size).toBe(1);
  });
});

describe('the compose file', () => {
  const { services, volumes } = parse(readFileSync('deploy/compose.yaml', 'utf8'));
  const { engine } = services;

  it('builds the Dockerfile, keeps its volume and asks for a token', () => {
    const { context, dockerfile } = engine.build;
    expect(existsSync(path.join('deploy', context, dockerfile))).toBe(true);
    expect(engine.volumes).toEqual(['data:/data']);
    expect(Object.keys(volumes)).toEqual(['data']);
    expect(engine.environment.API_TOKEN).toMatch(/^\$\{API_TOKEN:\?/);
    expect(engine.ports).toEqual(['127.0.0.1:8000:8000']);
  });

  it('waits longer for the end than the engine may take', () => {
    const grace = Number(/^(\d+)s$/.exec(engine.stop_grace_period)?.[1]) * 1_000;
    expect(grace).toBeGreaterThan(serverBounds.closeGraceMs + 10_000);
    expect([engine.restart, engine.init]).toEqual(['unless-stopped', true]);
  });

  it.skipIf(!has('docker-compose'))('is one that Docker Compose takes', async () => {
    await execute('docker-compose', ['--file', 'deploy/compose.yaml', 'config', '--quiet'], {
      env: { ...process.env, API_TOKEN: 'x' },
    });
  });
});

describe('the systemd unit', () => {
  const text = readFileSync('deploy/hybrid-engine.service', 'utf8');
  const settingOf = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1];

  it('starts the command of the package, and again after what a restart can mend', () => {
    expect(settingOf('ExecStart')).toBe('/usr/bin/node /opt/hybrid-engine/dist/cli.js serve');
    expect(JSON.parse(readFileSync('package.json', 'utf8')).bin).toEqual({ 'hybrid-engine': './dist/cli.js' });
    expect(settingOf('Restart')).toBe('on-failure');
    expect(settingOf('RestartPreventExitStatus')).toBe('1 75 77');
    expect(Number(settingOf('TimeoutStopSec')) * 1_000).toBeGreaterThan(serverBounds.closeGraceMs + 10_000);
    // V8 makes code at run time.
    expect(text).not.toContain('MemoryDenyWriteExecute');
  });

  it.skipIf(!has('systemd-analyze'))('is one that systemd takes', async () => {
    const { stdout, stderr } = await execute('systemd-analyze', [
      'verify',
      path.resolve('deploy/hybrid-engine.service'),
    ]);
    expect(`${stdout}${stderr}`.split('\n').filter((line) => line.includes('hybrid-engine.service'))).toEqual([]);
    const dir = mkdtempSync(path.join(tmpdir(), 'hybrid-unit-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const broken = path.join(dir, 'hybrid-engine.service');
    await execute('sh', [
      '-c',
      `sed 's/^TimeoutStopSec=.*/TimeoutStopSec=soon/' deploy/hybrid-engine.service > ${broken}`,
    ]);
    const found = await execute('systemd-analyze', ['verify', broken]).catch((error: { stderr: string }) => error);
    expect(found.stderr).toContain('Failed to parse time value');
  });
});
