/**
 * Workflows of files and pages, run by an engine whose whole world is a stand-in: pages, stores, mail and models alike.
 * Addresses that a definition writes out (`http://localhost:9000`) point to the stand-in; the rest is run as written.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Engine } from '../../src/contract/engine.ts';
import type { SecretStore } from '../../src/contract/secret-store.ts';
import type { HookAnswer } from '../../src/contract/webhook.ts';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';
import { createEngine } from '../../src/main.ts';
import type { Signed } from '../fixtures/hook-senders.ts';
import { type Behaviour, type Call, StandIn } from '../stand-in/stand-in.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly authorization?: string;
}

/** A status, a page (text), or JSON (all else). */
export type Page = number | string | object;

/** What stands outside: pages by method and path, and what models answer. What it does not know is 404. */
export interface World {
  readonly page?: (asked: Asked) => Page | undefined;
  /** The answer's text, or a status. `provider` is the first part of the address that was asked. */
  readonly model?: (prompt: string, asked: { readonly model: string; readonly provider: string }) => string | number;
}

export const examplesDir = join(import.meta.dirname, '../../workflows/examples');

export const discordWebhook = '4711/a-token-of-discord';
export const githubSecrets = {
  GITHUB_WEBHOOK_SECRET: 'what-github-signs-with',
  GITHUB_TOKEN: 'ghp-token-of-github',
  PAGERDUTY_KEY: 'routing-key-of-pagerduty',
};

export class ExampleRuns {
  /** What pages were asked for since the world was set. */
  asked: Asked[] = [];
  /** Templates that were run. */
  readonly ran = new Set<string>();
  readonly engine: Engine;
  readonly origin: string;
  readonly #standIn: StandIn;
  readonly #dir: string;
  readonly #world: { now: World };

  /** `files`: of `workflows/examples`, to be run as templates. */
  static async start(files: readonly string[] = []): Promise<ExampleRuns> {
    const dir = await mkdtemp(join(tmpdir(), 'hybrid-examples-'));
    const world: { now: World; take: (call: Call) => Behaviour } = { now: {}, take: () => ({}) };
    const standIn = await StandIn.start({ behaviour: (call) => world.take(call) });
    await mkdir(join(dir, 'templates'));
    for (const file of files) {
      const text = await readFile(join(examplesDir, file), 'utf8');
      await writeFile(join(dir, 'templates', file), toLocal(text, standIn.origin));
    }
    const { origin } = standIn;
    const engine = await createEngine({
      ownThread: false,
      settings: {
        workflowsDir: join(dir, 'workflows'),
        templatesDir: join(dir, 'templates'),
        queueStateFile: join(dir, 'queue.json'),
        logLevel: 'fatal',
        poolThreads: 1,
        maxParallelNodes: 8,
        httpAllowHosts: [standIn.host],
        prices: { [`${standIn.host}/*`]: { input_per_million: 1, output_per_million: 2 } },
        secretStore: toStore({ DISCORD_WEBHOOK: discordWebhook, ...githubSecrets }),
        secrets: {
          OPENAI_BASE_URL: `${origin}/openai/v1`,
          DEEPSEEK_BASE_URL: `${origin}/deepseek/v1`,
          GEMINI_BASE_URL: `${origin}/gemini/v1`,
        },
      },
    });
    const runs = new ExampleRuns({ engine, standIn, dir, world });
    world.take = (call) => runs.#take(call);
    return runs;
  }

  private constructor(parts: { engine: Engine; standIn: StandIn; dir: string; world: { now: World } }) {
    this.engine = parts.engine;
    this.#standIn = parts.standIn;
    this.origin = parts.standIn.origin;
    this.#dir = parts.dir;
    this.#world = parts.world;
  }

  set world(world: World) {
    this.#world.now = world;
    this.asked = [];
  }

  async addTemplate(file: string, text: string): Promise<void> {
    await writeFile(join(this.#dir, 'templates', file), text);
  }

  async template(id: string, params: Record<string, unknown> = {}): Promise<Workflow> {
    this.ran.add(id);
    const { id: workflow } = await this.engine.submitTemplate(id, params);
    return (await this.engine.finished(workflow)).workflow;
  }

  /** The same, up to where it waits for somebody. */
  async waiting(id: string, params: Record<string, unknown>): Promise<Workflow> {
    this.ran.add(id);
    const { workflow } = await this.engine.submitTemplate(id, params, { waitMs: 60_000 });
    return workflow;
  }

  /** A delivery of a webhook, signed by its sender. */
  hook(id: string, { headers, body }: Signed): Promise<HookAnswer> {
    this.ran.add(id);
    return this.engine.receive(id, {
      rawHeaders: Object.entries(headers).flatMap(([name, value]) => [name, String(value)]),
      query: {},
      read: async () => Buffer.from(body),
      parse: async (bytes) => ({ value: JSON.parse(Buffer.from(bytes).toString()), told: [] }),
      onRefused: (why) => {
        throw new Error(why);
      },
    });
  }

  /** A definition that is no template. */
  async definition(definition: unknown): Promise<Workflow> {
    const { id } = await this.engine.submit(this.local(definition));
    return (await this.engine.finished(id)).workflow;
  }

  /** The same definition with its addresses on the stand-in. */
  local(definition: unknown): unknown {
    return JSON.parse(toLocal(JSON.stringify(definition), this.origin));
  }

  /** What this path was asked for, one entry a call. */
  at(method: string, path: string): Asked[] {
    return this.asked.filter((asked) => asked.method === method && asked.path === path);
  }

  async close(): Promise<void> {
    await this.engine.close();
    await this.#standIn.close();
    await rm(this.#dir, { recursive: true, force: true });
  }

  #take(call: Call): Behaviour {
    const { page, model } = this.#world.now;
    const url = new URL(call.path, this.origin);
    if (url.pathname.endsWith('/chat/completions')) {
      const messages = call.body.messages as { content: string }[];
      const prompt = messages.map(({ content }) => content).join('\n');
      const [, provider = ''] = url.pathname.split('/');
      const answer = model?.(prompt, { model: call.model, provider }) ?? 404;
      return typeof answer === 'number' ? (response) => void response.writeHead(answer).end() : { content: answer };
    }
    return (response: ServerResponse, _call: Call, request: IncomingMessage) => {
      const query = Object.fromEntries(url.searchParams);
      const { authorization } = request.headers;
      const token = authorization === undefined ? {} : { authorization };
      const asked = { method: request.method ?? '', path: url.pathname, query, body: call.body, ...token };
      this.asked.push(asked);
      const answer = page?.(asked) ?? 404;
      if (typeof answer === 'number') return void response.writeHead(answer).end();
      const isText = typeof answer === 'string';
      response.writeHead(200, { 'content-type': isText ? 'text/html; charset=utf-8' : 'application/json' });
      response.end(isText ? answer : JSON.stringify(answer));
    };
  }
}

function toStore(secrets: Readonly<Record<string, string>>): SecretStore {
  return Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, { value }]));
}

/** Addresses that examples write out: of the machine at hand, of nobody (`*.example`), of a service with a secret. */
function toLocal(text: string, origin: string): string {
  return text.replace(
    /https?:\/\/(?:localhost:\d+|(?:discord|api\.github|events\.pagerduty)\.com|[a-z.-]+\.example)/g,
    origin,
  );
}

/** An example as a definition, with values of its params, for a test that has to change something in it. */
export async function readExample(
  file: string,
  params: Record<string, unknown>,
): Promise<{ steps: Record<string, unknown>[] } & Record<string, unknown>> {
  const { id: _id, ...definition } = parse(await readFile(join(examplesDir, file), 'utf8'));
  return { ...definition, params };
}

export function stepOf(workflow: Workflow, id: string): WorkflowStep {
  const step = workflow.steps.find((candidate) => candidate.id === id);
  if (!step) throw new Error(`no step ${id} among ${workflow.steps.map((each) => each.id).join(', ')}`);
  return step;
}

/** How the defined steps ended: their outcome where they have one, their status otherwise. */
export function endsOf(workflow: Workflow): Record<string, string> {
  const defined = workflow.steps.filter((step) => step.of === undefined);
  return Object.fromEntries(defined.map((step) => [step.id, step.outcome ?? step.status]));
}

/** An article of a site, long enough to be one. */
export function article(title: string, text: string): string {
  return `<html><head><title>${title}</title></head><body><article><h1>${title}</h1><p>${text}</p></article></body></html>`;
}
