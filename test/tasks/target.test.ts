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
  'http://127.0.0.1:22/',
  'http://127.0.0.2/',
  'http://127.000.000.001/',
  'http://0x7f.1/',
  'http://0x7F000001/',
  'http://017700000001:80/',
  'http://127.1:6379/',
  'http://ⓛocalhost/',
  'http://127。0。0。1/',
  'http://%31%32%37.0.0.1/',
  'http://10.255.255.255/',
  'http://172.16.0.1:8080/',
  'http://192.168.0.0/',
  'http://169.254.0.1/',
  'http://0xa9fea9fe/',
  'http://2852039166/',
  'http://[::ffff:169.254.169.254]/',
  'http://[::ffff:a9fe:a9fe]/',
  'http://169.254.170.2/v2/credentials',
  'http://100.127.255.255/',
  'http://192.0.0.8/',
  'http://192.88.99.1/',
  'http://198.19.255.255/',
  'http://239.255.255.250:1900/',
  'http://255.255.255.255:9/',
  'http://0.255.255.255/',
  'http://[::ffff:0.0.0.0]/',
  'http://[0000::1]/',
  'http://[::0001]/',
  'http://[::ffff:192.168.0.1]/',
  'http://[::ffff:c0a8:1]/',
  'http://[64:ff9b::10.0.0.1]/',
  'http://[2002:0a00:0001::]/',
  'http://[2002:c0a8:0001::1]/',
  'http://[2001::1]/',
  'http://[fe80::1:2:3:4]/',
  'http://[febf::1]/',
  'http://[fdff:ffff::1]/',
  'http://[ff05::1:3]/',
  'http://[ff0e::1]/',
  'http://[2001:10::1]/',
  'gopher://8.8.8.8/',
  'ldap://8.8.8.8/',
  'dict://8.8.8.8:11211/',
  'http://:@127.0.0.1/',
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

/** What a hostile resolver may answer, first, second or among others. */
const addresses = [
  ...['127.0.0.1', '127.255.0.1', '10.0.0.1', '172.16.9.9', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0'],
  ...['198.18.0.1', '224.0.0.1', '255.255.255.255', '::1', '::', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1'],
  ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '2001:0:7f00:1::'],
];
describe.each([0, 1, 2])('a resolver whose answer %i is no public machine', (place) => {
  it.each(addresses)('is refused with %s there', async (address) => {
    const one = { address, family: address.includes(':') ? 6 : 4 };
    const all = [
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700:4700::1111', family: 6 },
    ].toSpliced(place, 0, one);
    const failure = await failureOf(
      resolveTarget('rebinding.example', 80, { allowHosts: [], ownPort: null }, async () => all),
    );
    expect(failure.code).toBe('TARGET_REFUSED');
  });
});

it('there are a hundred targets and more', () => {
  expect(new Set(refused).size).toBe(refused.length);
  expect(refused.length).toBeGreaterThanOrEqual(100);
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
