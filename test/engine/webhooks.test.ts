// Goal: one delivery, one workflow, also over restarts and deletions; nothing of a secret is kept (HK1, HK2, GO1).
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import type { Delivery } from '../../src/contract/webhook.ts';
import { GoneDeliveries } from '../../src/coordinator/gone-deliveries.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import {
  hookTemplate,
  nowS,
  type Signed,
  secretStore,
  secrets,
  signGithub,
  signToken,
  writeHookTemplates,
} from '../fixtures/hook-senders.ts';
import { type InlineEngine, type InlineOptions, openInline } from '../fixtures/inline-engine.ts';
import { refusalOf } from './running-engine.ts';

const scheduleClock = { now: () => nowS * 1_000, timer: () => () => undefined };

async function open(dir: EngineDir, options: InlineOptions = {}): Promise<InlineEngine> {
  const settings = { secretStore, ...options.settings };
  const inline = await openInline(dir, { scheduleClock, ...options, settings });
  onTestFinished(() => inline.engine.close());
  return inline;
}

function createDir(more: readonly object[] = []): EngineDir {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  writeHookTemplates(dir, more);
  return dir;
}

interface Sent extends Delivery {
  readonly reads: string[];
  readonly refused: string[];
}

function toDelivery({ headers, body }: Signed, query: Record<string, string> = {}): Sent {
  const reads: string[] = [];
  const refused: string[] = [];
  return {
    rawHeaders: Object.entries(headers).flatMap(([name, value]) => [name, String(value)]),
    query,
    read: async () => {
      reads.push('read');
      return Buffer.from(body);
    },
    parse: async (bytes) => {
      reads.push('parse');
      return { value: JSON.parse(Buffer.from(bytes).toString()), told: [] };
    },
    onRefused: (why) => void refused.push(why),
    reads,
    refused,
  };
}

const issue = JSON.stringify({ action: 'opened', issue: { number: 7, title: 'It fails', body: null } });
const triage = hookTemplate(
  'triage',
  {
    verify: 'github',
    secret: 'GITHUB',
    when: 'headers["x-github-event"] == "issues" && body.action == "opened"',
    params: {
      number: '{{body.issue.number}}',
      text: '{{body.issue.title}}: {{body.issue.body ?? ""}}',
      from: '{{query.from ?? null}}',
    },
  },
  { params: { type: 'object', required: ['number'], properties: { number: { type: 'integer' }, text: {}, from: {} } } },
);

describe('what a delivery makes', () => {
  test('a workflow of the template, with the params that the delivery fills', async () => {
    const { engine } = await open(createDir([triage]));
    const answer = await engine.receive('triage', toDelivery(signGithub(issue), { from: 'tunnel' }));
    const { workflow } = await engine.get(answer?.workflow_id ?? '', { waitMs: 5_000 });
    expect(workflow).toMatchObject({
      templateId: 'triage',
      status: 'COMPLETED',
      params: { number: 7, text: 'It fails: ', from: 'tunnel' },
    });
  });

  test('nothing where `when` is false, and nothing is kept of it', async () => {
    const { engine } = await open(createDir([triage]));
    const before = (await engine.stats()).journal_records;
    const closed = signGithub(issue.replace('opened', 'closed'));
    expect(await engine.receive('triage', toDelivery(closed))).toBeNull();
    expect((await engine.stats()).journal_records).toBe(before);
    expect((await engine.list()).total).toBe(0);
  });

  test('nothing where the params do not fit the schema, where `when` has no answer, where a reference leads nowhere', async () => {
    const { engine } = await open(createDir([triage]));
    const wrong = ['{"action": "opened", "issue": {"number": "x", "title": ""}}', '{}', '{"action": "opened"}'];
    const paths: unknown[] = [];
    for (const body of wrong) {
      const refusal = await refusalOf(engine.receive('triage', toDelivery(signGithub(body))));
      paths.push([refusal.code, refusal.errors?.map(({ path: at }) => at)]);
    }
    expect(paths).toEqual([
      ['INVALID', ['params.number']],
      ['INVALID', ['webhook.when']],
      ['INVALID', ['webhook.params.number', 'webhook.params.text']],
    ]);
    expect((await engine.list()).total).toBe(0);
  });

  test('nothing where its file has a fault: the log says so, the caller is told what everybody is told', async () => {
    const dir = createDir();
    fs.writeFileSync(path.join(dir.settings.templatesDir, 'broken.yaml'), 'id: broken\nname: [');
    const { engine } = await open(dir);
    const delivery = toDelivery(signGithub());
    const broken = await refusalOf(engine.receive('broken', delivery));
    const unknown = await refusalOf(engine.receive('no-such', toDelivery(signGithub())));
    expect(broken.toData()).toEqual(unknown.toData());
    expect(broken.code).toBe('NOT_FOUND');
    expect(delivery.refused).toEqual(['the file of the template has a fault']);
  });
});

describe('HK1', () => {
  test('no byte of the body is read where the headers alone are wrong, none is parsed before it is verified', async () => {
    const { engine } = await open(createDir());
    const unsigned = toDelivery({ headers: {}, body: '{}' });
    await refusalOf(engine.receive('github', unsigned));
    expect(unsigned.reads).toEqual([]);
    const forged = toDelivery(signGithub('{}', { secret: 'another one' }));
    await refusalOf(engine.receive('github', forged));
    expect(forged.reads).toEqual(['read']);
    const right = toDelivery(signGithub('{}'));
    await engine.receive('github', right);
    expect(right.reads).toEqual(['read', 'parse']);
  });

  test('what the log is told holds no value of a header or a secret', async () => {
    const { engine } = await open(createDir());
    const told: string[] = [];
    for (const signed of [signGithub('{}', { secret: 'wrong-secret' }), { headers: {}, body: '' }]) {
      const delivery = toDelivery(signed);
      await refusalOf(engine.receive('github', delivery));
      told.push(...delivery.refused);
    }
    const unset = toDelivery(signGithub());
    await refusalOf(engine.receive('unset', unset));
    expect([...told, ...unset.refused]).toEqual([
      'no signature fits',
      'the signature is missing, comes twice, or has another form',
      'the secret NOT_SET of its webhook is not set',
    ]);
  });
});

describe('HK2: a replay makes nothing', () => {
  test('after a restart, and after a death between the record and the answer', async () => {
    const dir = createDir();
    const first = await open(dir);
    const made = await first.engine.receive('github', toDelivery(signGithub()));
    const image = dir.crashImage();
    onTestFinished(() => image.remove());
    fs.cpSync(dir.settings.templatesDir, image.settings.templatesDir, { recursive: true });
    for (const where of [dir, image]) {
      if (where === dir) await first.engine.close();
      const { engine } = await open(where);
      expect(await engine.receive('github', toDelivery(signGithub()))).toEqual({ ...made, replayed: true });
      expect((await engine.list()).total).toBe(1);
    }
  });

  test('when the template would leave it out by now', async () => {
    const dir = createDir([triage]);
    const { engine } = await open(dir);
    const made = await engine.receive('triage', toDelivery(signGithub(issue)));
    const changed = {
      ...triage,
      webhook: { verify: 'github', secret: 'GITHUB', when: 'false', params: { number: 1 } },
    };
    fs.writeFileSync(path.join(dir.settings.templatesDir, 'triage.json'), JSON.stringify(changed));
    expect(await engine.receive('triage', toDelivery(signGithub(issue)))).toEqual({ ...made, replayed: true });
  });

  test.each(['live', 'finished', 'finished in a life before'] as const)(
    'when the workflow is deleted while it is %s, also after restarts',
    async (when) => {
      const dir = createDir([
        hookTemplate('held', { verify: 'github', secret: 'GITHUB' }, { steps: [{ id: 'w', action: 'external_data' }] }),
      ]);
      const template = when === 'live' ? 'held' : 'github';
      let { engine } = await open(dir);
      const made = await engine.receive(template, toDelivery(signGithub()));
      const id = made?.workflow_id ?? '';
      if (when !== 'live') await engine.finished(id);
      if (when === 'finished in a life before') {
        await engine.close();
        engine = (await open(dir)).engine;
      }
      await engine.delete(id);
      const replay = () => engine.receive(template, toDelivery(signGithub()));
      expect(await replay()).toEqual({ workflow_id: id, replayed: true });
      // A death now: the journal alone has it.
      const image = dir.crashImage();
      onTestFinished(() => image.remove());
      const next = await open(image);
      const again = await next.engine.receive(template, toDelivery(signGithub()));
      expect([again, (await next.engine.list()).total]).toEqual([{ workflow_id: id, replayed: true }, 0]);
      // The record of the deletion, then the manifest of the stop, then that of a second one.
      for (const life of [1, 2, 3]) {
        await engine.close();
        ({ engine } = await open(dir));
        expect([life, await replay(), (await engine.list()).total]).toEqual([
          life,
          { workflow_id: id, replayed: true },
          0,
        ]);
      }
    },
  );

  test('when its directory was removed by hand while the engine was stopped', async () => {
    const dir = createDir();
    const { engine } = await open(dir);
    const made = await engine.receive('github', toDelivery(signGithub()));
    const id = made?.workflow_id ?? '';
    await engine.finished(id);
    await engine.close();
    fs.rmSync(dir.directory(id), { recursive: true });
    const next = await open(dir);
    expect(await next.engine.receive('github', toDelivery(signGithub()))).toEqual({ workflow_id: id, replayed: true });
  });

  test('of a delivery whose first call was refused for now, one workflow comes when it is sent again', async () => {
    const { engine } = await open(createDir([triage]));
    const bad = JSON.stringify({ action: 'opened', issue: { number: 'seven', title: 'x' } });
    await refusalOf(engine.receive('triage', toDelivery(signGithub(bad))));
    expect((await engine.receive('triage', toDelivery(signGithub(issue))))?.replayed).toBe(false);
  });
});

describe('GO1: deliveries of deleted workflows', () => {
  const day = 86_400_000;

  test('are kept for 30 days, and the oldest go first where there are too many', () => {
    const gone = new GoneDeliveries(2);
    gone.keep(['a'], 'A', 0);
    gone.keep(['b', 'c'], 'B', day);
    expect([gone.get('a'), gone.get('b'), gone.get('c')]).toEqual([undefined, 'B', 'B']);
    expect(gone.toRecord(31 * day)).toEqual({ b: ['B', day], c: ['B', day] });
    expect(gone.toRecord(31 * day + 1)).toEqual({});
    expect(gone.size).toBe(0);
  });

  test('a key that comes again counts from then', () => {
    const gone = new GoneDeliveries(2);
    gone.keep(['a', 'b'], 'A', 0);
    gone.keep(['a'], 'A', day);
    gone.keep(['c'], 'C', day);
    expect([gone.get('a'), gone.get('b'), gone.get('c')]).toEqual(['A', undefined, 'C']);
  });
});

describe('H8: secrets', () => {
  const spy = hookTemplate('spy', {
    verify: 'token',
    secret: 'TOKEN',
    params: { all: '{{headers}}', auth: '{{headers.authorization ?? "none"}}' },
  });

  test('params see no header that carries one, and no file holds the value', async () => {
    const dir = createDir([spy]);
    const { engine, log } = await open(dir);
    const { headers, body } = signToken();
    const more = { cookie: 'c=1', 'x-gitlab-token': 't', 'x-hub-signature': 's', 'x-api-key': 'k', 'x-other': 'o' };
    const answer = await engine.receive('spy', toDelivery({ headers: { ...headers, ...more }, body }));
    const { workflow } = await engine.get(answer?.workflow_id ?? '');
    expect(workflow.params).toEqual({ all: { 'content-type': 'application/json', 'x-other': 'o' }, auth: 'none' });
    await engine.close();
    expect(log.join('\n')).not.toContain(secrets.TOKEN);
    const files = fs
      .readdirSync(dir.workflowsDir, { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile());
    const holding = files.filter((each) =>
      fs.readFileSync(path.join(each.parentPath, each.name)).includes(secrets.TOKEN),
    );
    expect(files.length).toBeGreaterThan(3);
    expect(holding.map(({ name }) => name)).toEqual([]);
  });

  test('a delivery that brings the value of a secret is refused, and the answer does not show it', async () => {
    const { engine } = await open(createDir());
    const body = JSON.stringify({ text: `the token is ${secrets.TOKEN}` });
    const refusal = await refusalOf(engine.receive('github', toDelivery(signGithub(body))));
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal.code).toBe('INVALID');
    expect(JSON.stringify(refusal.toData())).not.toContain(secrets.TOKEN);
  });
});
