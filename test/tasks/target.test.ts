/** Goal: TG1–TG3 of http/target.ts, for every spelling of a machine that steps may not reach (X13). */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createGuardedAgent } from '../../src/tasks/http/guarded-agent.ts';
import { resolveTarget } from '../../src/tasks/http/target.ts';
import { failureOf, runTask } from './run-task.ts';

const refused = [
  'http://127.0.0.1/',
  'http://127.1/',
  'http://127.255.255.254/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0x7f.0.0.1/',
  'http://017700000001/',
  'http://0177.0.0.1/',
  'http://127.0.0.1./',
  'http://①②⑦.⓪.⓪.①/',
  'http://localhost/',
  'http://LOCALHOST./',
  'http://0/',
  'http://0.0.0.0/',
  'http://0.1.2.3/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://172.31.255.255/',
  'http://192.168.1.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://168.63.129.16/',
  'http://100.64.0.1/',
  'http://100.100.100.200/',
  'http://192.0.0.192/',
  'http://192.0.2.1/',
  'http://198.18.0.1/',
  'http://198.51.100.1/',
  'http://203.0.113.1/',
  'http://224.0.0.1/',
  'http://240.0.0.1/',
  'http://255.255.255.255/',
  'http://[::]/',
  'http://[::1]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[::ffff:10.0.0.1]/',
  'http://[::ffff:8.8.8.8]/',
  'http://[::127.0.0.1]/',
  'http://[::ffff:0:127.0.0.1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[64:ff9b:1::7f00:1]/',
  'http://[2002:7f00:1::]/',
  'http://[2001:0:7f00:1::]/',
  'http://[2001:db8::1]/',
  'http://[fe80::1]/',
  'http://[fec0::1]/',
  'http://[fc00::1]/',
  'http://[fd00:ec2::254]/',
  'http://[ff02::1]/',
  'http://[100::1]/',
  'http://user:pass@8.8.8.8/',
  'ftp://8.8.8.8/',
  'file:///etc/passwd',
  'data:text/plain,hello',
  'javascript:alert(1)',
  'ws://8.8.8.8/',
  'blob:http://8.8.8.8/x',
];

describe('a target that is no public machine', () => {
  it.each(refused)('%s is refused', async (url) => {
    const failure = await failureOf(runTask('http_request', { url }));
    expect(failure.code).toBe('TARGET_REFUSED');
    expect(failure.message).toMatch(/HTTP_ALLOW_HOSTS|only http: and https:|credentials/);
  });

  it('lets public addresses pass, whatever their family', async () => {
    const rules = { allowHosts: [], ownPort: 8000 };
    for (const address of ['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111', '[2a00:1450::1]']) {
      await expect(resolveTarget(address, 8000, rules)).resolves.toHaveLength(1);
    }
  });
});

describe('a name', () => {
  const rules = { allowHosts: [], ownPort: null };

  it('is refused when one of its addresses is', async () => {
    const lookup = async () => [
      { address: '8.8.8.8', family: 4 },
      { address: '10.0.0.7', family: 4 },
    ];
    expect((await failureOf(resolveTarget('mixed.example', 80, rules, lookup))).message).toBe(
      'mixed.example:80 is refused: 10.0.0.7 is not a public address (private); to allow it, add mixed.example:80 to HTTP_ALLOW_HOSTS',
    );
  });

  it('GA1: is looked up once: what was checked is what is connected to', async () => {
    const server = createServer((_request, response) => response.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    let lookups = 0;
    // A name that rebinds: the first answer is harmless for these rules, every later one would be another machine.
    const lookup = async () => {
      lookups += 1;
      return [{ address: lookups === 1 ? '127.0.0.1' : '10.255.255.1', family: 4 }];
    };
    const agent = await createGuardedAgent({ allowHosts: ['rebinding.example'], ownPort: null }, lookup);
    const { body } = await agent.request({ origin: `http://rebinding.example:${port}`, path: '/', method: 'GET' });
    expect(await body.text()).toBe('reached');
    expect(lookups).toBe(1);
    await agent.close();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('HTTP_ALLOW_HOSTS', () => {
  it.each([
    ['localhost', 'localhost', 11434, true],
    ['LocalHost:11434', 'localhost', 11434, true],
    ['localhost:11434', 'localhost', 11435, false],
    ['localhost:11434', '127.0.0.1', 11434, false],
    ['127.0.0.1:80', '127.0.0.1', 80, true],
    ['[::1]:80', '[::1]', 80, true],
    ['[::1]', '[::1]', 80, true],
    ['::1', '[::1]', 80, true],
    ['[::1]:81', '[::1]', 80, false],
    ['host', 'localhost', 80, false],
    ['', 'localhost', 80, false],
  ])('%j opens %s port %d: %j', async (entry, host, port, opens) => {
    const run = resolveTarget(host, port, { allowHosts: [entry], ownPort: null });
    if (opens) await expect(run).resolves.not.toHaveLength(0);
    else expect((await failureOf(run)).code).toBe('TARGET_REFUSED');
  });

  it.each(['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '[::ffff:127.0.0.1]', '127.9.9.9'])(
    'never opens the engine itself at %s',
    async (host) => {
      const rules = { allowHosts: [host, `${host}:8000`], ownPort: 8000 };
      expect((await failureOf(resolveTarget(host, 8000, rules))).message).toContain('this engine itself');
      await expect(resolveTarget(host, 8001, rules)).resolves.not.toHaveLength(0);
    },
  );
});
