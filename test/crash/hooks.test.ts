/**
 * Goal: kill -9 at any moment, also between the record of a delivery and its answer, leaves one workflow for each delivery
 * when its sender tries again, as all of them do (HK2). Faults: SIGKILL of the whole process when a seeded number of deliveries
 * is answered, while four senders send. Method: the product as its users start it; each sender sends again until it has an answer, with a new time
 * each time, and some deliveries once more at the end. `CRASH_HOOK_KILLS` raises the number of kills, `CRASH_SEED` chooses
 * the moments.
 */
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { type Signed, secrets, signGithub, signStandard, writeHookTemplates } from '../fixtures/hook-senders.ts';
import { createSeeded } from '../fixtures/seeded.ts';
import { api, Served } from './served.ts';

const kills = Number(process.env.CRASH_HOOK_KILLS ?? 3);
const seed = Number(process.env.CRASH_SEED ?? 1);
const senders = 4;
const perLife = 40;

interface Sent {
  readonly template: 'standard' | 'github';
  sign(): Signed;
  /** Answers that have come. */
  readonly made: string[];
  /** The first answer said that it was known: a death had come between its record and its answer. */
  wasKnown?: boolean;
}

function toDelivery(i: number): Sent {
  const body = JSON.stringify({ text: `delivery ${i}` });
  const now = () => Math.floor(Date.now() / 1_000);
  if (i % 2 === 0) return { template: 'github', sign: () => signGithub(body), made: [] };
  return { template: 'standard', sign: () => signStandard(body, { id: `msg_${i}`, time: now() }), made: [] };
}

/** False where no answer came. */
async function send(url: string, delivery: Sent): Promise<boolean> {
  const { headers, body } = delivery.sign();
  try {
    const sent = { method: 'POST', headers: headers as Record<string, string>, body: Buffer.from(body) };
    const response = await fetch(`${url}/hooks/${delivery.template}`, sent);
    if (response.status !== 202) return false;
    delivery.wasKnown ??= response.headers.has('idempotency-replayed');
    delivery.made.push(((await response.json()) as { workflow_id: string }).workflow_id);
    return true;
  } catch {
    return false;
  }
}

test(`after ${kills} deaths each delivery has made exactly one workflow`, async () => {
  const startedAt = performance.now();
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  writeHookTemplates(dir);
  const env = {
    TEMPLATES_DIR: dir.settings.templatesDir,
    SECRET_GITHUB: secrets.GITHUB,
    SECRET_STANDARD: secrets.STANDARD,
  };
  const dice = createSeeded(seed);
  const deliveries: Sent[] = [];
  let open: Sent[] = [];
  let unanswered = 0;
  for (let life = 0; life <= kills; life += 1) {
    const isLast = life === kills;
    const served = new Served(dir, env);
    const url = await served.listening();
    const fresh = Array.from({ length: isLast ? 0 : perLife }, (_, i) => toDelivery(deliveries.length + i));
    deliveries.push(...fresh);
    const waiting = [...open, ...fresh];
    open = [];
    // While one is answered, others are under way.
    let left = 1 + Math.floor(dice() * (perLife - senders));
    let dying: Promise<unknown> | undefined;
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (!(await send(url, next))) open.push(next);
        else left -= 1;
        if (isLast || left > 0 || dying !== undefined) continue;
        dying = once(served.child, 'exit');
        served.child.kill('SIGKILL');
      }
    };
    await Promise.all(Array.from({ length: senders }, work));
    await dying;
    unanswered += open.length;
    if (!isLast) continue;
    expect(open).toEqual([]);
    // Word for word, and as senders try again.
    for (const delivery of deliveries.filter((_, i) => i % 5 === 0)) expect(await send(url, delivery)).toBe(true);
    const { json } = await api(url, 'GET', '/workflows?limit=1000&view=summary');
    const ids = (json as { id: string }[]).map(({ id }) => id);
    for (const { made } of deliveries) expect(new Set(made).size).toBe(1);
    expect(ids.length).toBe(deliveries.length);
    expect(new Set(deliveries.map(({ made }) => made[0]))).toEqual(new Set(ids));
  }
  // Else no death has met a delivery.
  expect(unanswered).toBeGreaterThan(0);
  const recordedUnanswered = deliveries.filter(({ wasKnown }) => wasKnown).length;
  const counts = { deliveries: deliveries.length, unanswered, recordedUnanswered };
  reportFigures('kills of webhooks', startedAt, { cases: kills, repeatedSteps: 0, ...counts });
}, 600_000);
