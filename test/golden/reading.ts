/**
 * All that clients can see of a golden image, read over REST by an engine that has started on a copy of it: once with its
 * unfinished calls of models held back, once when they have been answered, once more after a restart.
 *
 * The engine that writes an image reads it too, and what it found is `expected.json`; a later engine must find the same.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { StandIn } from '../stand-in/stand-in.ts';
import { Life, type Reply } from './life.ts';
import { Models } from './models.ts';

/** Stands for a text that is too long, or too dull, to be kept. */
export interface Digest {
  sha256: string;
  bytes: number;
}

export interface StepOutline {
  status: string;
  attempt: number;
  error: string | null;
  reason: string | null;
  outcome: string | null;
  /** Items or rounds. */
  count: number | null;
  outputs: Digest | null;
  /** How often a recovery has put it into the queue again. */
  requeued: number;
}

export interface Outline {
  status: string;
  steps: Record<string, StepOutline>;
}

/** A workflow as REST answers it; each step's outputs are a digest. */
export type Document = Record<string, unknown> & { id: string; name: string; status: string; version: number };

/** A call that was made with an Idempotency-Key, and its first answer. */
export interface KeyedCall {
  key: string;
  route: string;
  body?: unknown;
  status: number;
  answer: Digest;
}

/** What a reader has to know of an image before it starts. */
export interface Image {
  /** Every workflow that was ever created, by name. */
  ids: Record<string, string>;
  /** How many calls of models are in flight once the engine has started. */
  held: number;
  keyed: KeyedCall[];
  /** Asks what a step of this image has asked, of a server that is gone. */
  cached: { name: string; steps: unknown[] };
  /** Calls that a reader makes when all else goes on: what people have been asked. */
  decisions?: { name: string; stepId: string; body: unknown }[];
  /** Workflows with a step that waits for a time which no reader lives to see. */
  farOff?: string[];
  /** No call was in flight: costs belong to the days on which the image was written. */
  isAtRest: boolean;
}

/** Status of the answer by a workflow's name: a deleted one has 404, one that was set aside 410. */
export type Found = Record<string, { status: number; workflow?: Document }>;

export interface Reading {
  /** By name, before anything unfinished goes on. */
  found: Found;
  outlines: Record<string, Outline>;
  summaries: Record<string, unknown>;
  total: number;
  running: number;
  costs: Record<string, unknown>;
  replays: { key: string; status: number; isReplayed: boolean; answer: Digest }[];
  cached: Outline;
  /** By name, when all that was unfinished has gone as far as it can. */
  final: Record<string, Outline>;
  exitStatus: number | null;
  /** The same after one more start. */
  restarted: Record<string, Outline>;
}

export async function readImage(image: Image, directory: string, command: string): Promise<Reading> {
  const place = realpathSync(mkdtempSync(path.join(tmpdir(), 'hybrid-golden-')));
  const models = new Models({ isReader: true });
  const standIn = await StandIn.start({ behaviour: (call) => models.answer(call) });
  const lives: Life[] = [];
  const begin = async (): Promise<Life> => {
    const life = await Life.start({ command, place, standIn });
    lives.push(life);
    return life;
  };
  try {
    copyImage(directory, place);
    const life = await begin();
    await models.untilHeld(image.held);
    const found = await readFound(image, life);
    const listed = JSON.parse((await life.call('GET', '/workflows?view=summary&limit=1000')).text) as { id: string }[];
    const queue = JSON.parse((await life.call('GET', '/queue')).text) as { running: number };
    const costs: Record<string, unknown> = {};
    for (const by of ['workflow', 'model', 'action', ...(image.isAtRest ? ['day'] : [])]) {
      costs[by] = JSON.parse((await life.call('GET', `/costs?by=${by}`)).text);
    }
    const replays: Reading['replays'] = [];
    for (const { key, route, body } of image.keyed) {
      const { status, text, isReplayed } = await life.call('POST', route, body, key);
      replays.push({ key, status, isReplayed, answer: toDigest(text) });
    }
    const total = JSON.parse((await life.call('GET', '/workflows?view=summary&limit=1000')).text).length;
    const asked = standIn.calls.length;
    const cached = toOutline(readDocument(await life.call('POST', '/workflows?wait=60', image.cached)));
    if (standIn.calls.length !== asked) throw new Error('a question that the cache answers was asked again');
    models.release();
    for (const { name, stepId, body } of image.decisions ?? [])
      readReply(await life.call('POST', `/workflows/${image.ids[name]}/steps/${stepId}/decision`, body));
    const final = toOutlines(await readFound(image, life, 60));
    const exitStatus = await life.stop();
    const restarted = toOutlines(await readFound(image, await begin()));
    return {
      found,
      outlines: toOutlines(found),
      summaries: Object.fromEntries(
        Object.entries(image.ids).flatMap(([name, id]) => {
          const summary = listed.find((each) => each.id === id);
          return summary === undefined ? [] : [[name, summary]];
        }),
      ),
      total,
      running: queue.running,
      costs,
      replays,
      cached,
      final,
      exitStatus,
      restarted,
    };
  } finally {
    for (const life of lives) await life.kill();
    await standIn.close();
    rmSync(place, { recursive: true, force: true });
  }
}

/** Without the lock, which names a process of the machine that wrote it, and the socket that this process listened on. */
export function copyImage(from: string, to: string): void {
  const filter = (source: string) => !source.endsWith('.sock');
  for (const name of ['workflows', 'queue-state.json']) {
    cpSync(path.join(from, name), path.join(to, name), { recursive: true, filter });
  }
  rmSync(path.join(to, 'workflows', '.engine', 'lock'), { force: true });
}

export async function readFound(
  { ids, farOff = [], decisions = [] }: Pick<Image, 'ids' | 'farOff' | 'decisions'>,
  life: Life,
  waitSeconds = 0,
): Promise<Found> {
  const found: Found = {};
  for (const [name, id] of Object.entries(ids)) {
    const reply = await life.call('GET', `/workflows/${id}?wait=${farOff.includes(name) ? 0 : waitSeconds}`);
    const decided = decisions.filter((decision) => decision.name === name).map(({ stepId }) => stepId);
    found[name] =
      reply.status === 200 ? { status: 200, workflow: readDocument(reply, decided) } : { status: reply.status };
  }
  return found;
}

function toOutlines(found: Found): Record<string, Outline> {
  return Object.fromEntries(
    Object.entries(found).flatMap(([name, { workflow }]) => (workflow ? [[name, toOutline(workflow)]] : [])),
  );
}

function readReply({ status, text }: Reply): object {
  if (status >= 300) throw new Error(`the engine answered ${status}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as object;
}

/** `decided`: steps that the reader decides about, at a time of its own. */
export function readDocument(reply: Reply, decided: readonly string[] = []): Document {
  const document = readReply(reply) as Document & {
    params: unknown;
    steps: { id: string; outputs: Record<string, unknown> | Digest | null }[];
  };
  for (const { id, outputs } of document.steps)
    if (decided.includes(id) && outputs !== null && 'decided_at' in outputs) delete outputs.decided_at;
  document.params = toDigest(JSON.stringify(document.params));
  for (const step of document.steps) if (step.outputs !== null) step.outputs = toDigest(JSON.stringify(step.outputs));
  return document;
}

export function toOutline(document: Document): Outline {
  const steps: Outline['steps'] = {};
  for (const step of document.steps as (StepOutline & { id: string; logs: string[] })[]) {
    const { id, status, attempt, error, reason, outcome, count, outputs, logs } = step;
    const requeued = logs.filter((line) => line.startsWith('Re-queued during recovery')).length;
    const ofFlow = { reason: reason ?? null, outcome: outcome ?? null, count: count ?? null };
    steps[id] = { status, attempt, error, ...ofFlow, outputs, requeued };
  }
  return { status: document.status, steps };
}

export function toDigest(text: string): Digest {
  return { sha256: createHash('sha256').update(text).digest('hex'), bytes: Buffer.byteLength(text) };
}

/** Directories below `test/golden` that hold images: `format-1/stopped`, … */
export function listImages(golden: string): string[] {
  return readdirSync(golden)
    .filter((name) => /^format-\d+$/.test(name))
    .flatMap((format) => readdirSync(path.join(golden, format)).map((name) => path.join(format, name)))
    .filter((image) => existsSync(path.join(golden, image, 'expected.json')));
}
