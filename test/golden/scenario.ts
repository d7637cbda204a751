/** What an image holds: one workflow of each kind, made over REST in two halves, so that a checkpoint can lie between them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { flowAtRest, flowGoesOn, flowHeld, flowHeldLater } from './flow-scenario.ts';
import type { Life } from './life.ts';
import { ask, type Models } from './models.ts';
import { type Document, type Image, toDigest } from './reading.ts';

/** Just above what stays in state.json: such outputs lie in a blob. */
const blobBytes = 65_600;
/** Above what an event holds of an answer to a call with a key: such an answer lies in a blob as well. */
const longText = 'Tea is a drink made from leaves. '.repeat(160);

const data = (id: string, rest: object = {}) => ({ id, action: 'external_data', ...rest });

export class Scenario {
  readonly ids: Image['ids'] = {};
  keyed: Image['keyed'] = [];
  decisions: NonNullable<Image['decisions']> = [];
  readonly farOff: string[] = [];
  readonly #cachedStep: object;
  #life: Life;
  readonly #models: Models;
  #held = 0;

  /** `modelUrl` is written down as a param: a later reader asks the cache for the same address. */
  constructor(life: Life, models: Models, modelUrl: string) {
    this.#life = life;
    this.#models = models;
    this.#cachedStep = {
      id: 'ask',
      action: 'chat',
      cache: true,
      params: { base_url: modelUrl, model: 'gpt-4', prompt: 'What is kept?' },
    };
  }

  set life(life: Life) {
    this.#life = life;
  }

  get cached(): Image['cached'] {
    return { name: 'asks what was asked before', steps: [this.#cachedStep] };
  }

  /** Everything comes to rest. */
  async firstHalf(): Promise<void> {
    await this.#finished();
    await this.#asking();
    await this.create({ name: 'Größe: 漢字, 😀 and "quotes"', steps: [{ id: 'a', action: 'noop' }] });
    await this.create({ name: 'deleted', steps: [ask('paid', 'What did this cost?')] });
    await this.create({ name: 'deleted later', steps: [ask('paid', 'What did this cost, later?')] });
    await this.#delete('deleted');
    await this.create({ name: 'set aside', steps: [{ id: 'a', action: 'noop' }] });
    await this.create({ name: 'waits', steps: [{ id: 'a', action: 'noop' }, data('in', { dependencies: ['a'] })] });
    const fed = [data('first'), data('second', { dependencies: ['first'] })];
    await this.create({ name: 'waits, later fed', steps: fed });
    await this.#feed('waits, later fed', { step_id: 'first', content: 'A page', content_type: 'html' }, 'feed');
    const held = { id: 'held', action: 'delay', params: { ms: 3_600_000 }, dependencies: ['a'] };
    const stoppable = [{ id: 'a', action: 'noop' }, held, { id: 'b', action: 'noop', dependencies: ['held'] }];
    for (const name of ['stopped', 'stopped, later deleted']) {
      await this.create({ name, steps: stoppable }, { waitSeconds: 0 });
      const id = this.ids[name];
      await this.post(`/workflows/${id}/stop`, undefined, `stop-${id}`);
    }
    await this.create({ name: 'edited by hand', steps: [{ id: 'a', action: 'noop' }] });
    await flowAtRest(this);
  }

  /** Changes what the first half has made, makes more of it, and leaves calls of models in flight in all slots. */
  async secondHalf(): Promise<void> {
    await this.#feed('waits, later fed', { content_type: 'text', content: 'x'.repeat(blobBytes), step_id: 'second' });
    await this.#feed(
      'waits',
      { step_name: 'Added', step_id: 'added', content: 'Not asked for', metadata: { b: 1, a: [2] } },
      'add',
    );
    await this.#delete('deleted later');
    await this.#delete('stopped, later deleted');
    await this.create({ name: 'answered from the cache', steps: [this.#cachedStep] });
    await this.post(`/workflows/${this.ids.failed}/retry`, undefined, 'retry');
    await this.settle('failed');
    const budget = { calls: 3 };
    await this.post(`/workflows/${this.ids['resumed with a budget']}/resume`, { budget }, 'resume');
    await this.settle('resumed with a budget');
    const branch = { params: { template: 'Branched' }, stepId: 'report' };
    await this.branch('branch, later', 'finished', branch, 'branch-later');
    await flowGoesOn(this);
    await this.create(
      {
        name: 'runs',
        steps: [
          { id: 'a', action: 'noop' },
          ask('ask', 'Please hold this one.', { dependencies: ['a'] }),
          {
            id: 'report',
            action: 'render',
            dependencies: ['ask'],
            params: { template: '{{ text }}', data: { text: '{{steps.ask.outputs.content}}' } },
          },
        ],
      },
      { waitSeconds: 0 },
    );
    const retried = [ask('ask', 'Ask once more, and hold that one.'), data('in', { dependencies: ['ask'] })];
    await this.create({ name: 'runs again', budget: { calls: 9, usd: 1 }, steps: retried }, { waitSeconds: 0 });
    const fed = [data('in'), ask('ask', 'Please hold {{steps.in.outputs.content}}.', { dependencies: ['in'] })];
    await this.create({ name: 'runs on data', steps: fed });
    await this.#feed('runs on data', { content: 'the page', step_id: 'in' }, 'feed-what-runs');
    const pending = [ask('first', 'Who holds the slot?'), ask('second', 'Who waits in line and is on hold?')];
    await this.create({ name: 'waits in line', steps: pending }, { waitSeconds: 0 });
    await this.untilHeld(Scenario.slots - flowHeld);
  }

  /** Resolves when the document of a workflow is as it should be. */
  async until(name: string, isSo: (workflow: Document) => boolean): Promise<void> {
    while (!isSo(JSON.parse((await this.#life.call('GET', `/workflows/${this.ids[name]}`)).text))) await sleep(20);
  }

  /** In the next life: all calls are made again. */
  async untilSlotsAreTaken(): Promise<void> {
    await this.untilHeld(Scenario.slots);
  }

  /** Calls of models that no answer has ended after the second half, once there is room for all of them. */
  static readonly heldAtEnd = 5 + flowHeld + flowHeldLater;
  /** Of these, those that have a slot while only this many steps may run. */
  static readonly slots = 3 + flowHeld;

  async #finished(): Promise<void> {
    await this.create(
      {
        name: 'finished',
        tags: ['golden', 'tea'],
        description: 'Three actions and references between them',
        params: { topic: 'tea', nested: { list: [1, 2.5, null, true] } },
        steps: [
          { id: 'words', action: 'text_keywords', params: { text: longText.slice(0, 300), count: 3 } },
          { id: 'sum', action: 'transform', params: { input: '{{params.nested}}', expression: '$sum(list[[0..1]])' } },
          {
            id: 'report',
            name: 'A report',
            action: 'render',
            dependencies: ['words', 'sum'],
            timeoutMs: 50_000,
            params: {
              template: '{{ words | join: ", " }}: {{ sum }}',
              data: { sum: '{{steps.sum.outputs.value}}', words: '{{steps.words.outputs.keywords}}' },
            },
          },
        ],
      },
      { key: 'finished' },
    );
    await this.branch('branch', 'finished', { stepId: 'report' }, 'branch');
    const template = `{% for i in (1..${Math.ceil(blobBytes / 12)}) %}{{ i | plus: 1000000000 }}\n{% endfor %}`;
    await this.create(
      {
        steps: [
          { params: { template }, id: 'large', action: 'render' },
          { id: 'size', action: 'noop', dependencies: ['large'] },
        ],
        params: { text: longText },
        name: 'blobs',
      },
      { key: 'an-answer-that-lies-in-a-blob' },
    );
    await this.branch('branch with a blob', 'blobs', { stepId: 'size' });
    const { id } = await this.post(
      '/workflows/from-template?wait=60',
      {
        template_id: 'golden_unknown',
        params: { z: 1, a: 'two' },
      },
      'from-a-template',
    );
    this.ids.simulated = id;
  }

  async #asking(): Promise<void> {
    await this.create({
      name: 'models',
      steps: [
        ask('streamed', 'Why?', { params: { prompt: 'Why?', stream: true, max_tokens: 100 } }),
        ask('repeated', 'Ask once more.', { dependencies: ['streamed'] }),
        ask('unpriced', 'How much?', { params: { prompt: 'How much?', model: 'golden-model' } }),
      ],
    });
    const refused = ask('refused', 'Please refuse.');
    await this.create({ name: 'failed', steps: [refused, { id: 'b', action: 'noop', dependencies: ['refused'] }] });
    await this.create({
      name: 'failed fast',
      failurePolicy: 'fail-fast',
      steps: [refused, data('in'), { id: 'b', action: 'noop', dependencies: ['in'] }],
    });
    for (const name of ['paused', 'resumed with a budget']) {
      const steps = [ask('first', `${name} 1`), ask('second', `${name} 2`, { dependencies: ['first'] })];
      await this.create({ name, budget: { calls: 1, usd: 0.5 }, steps });
    }
    const asking = { name: 'stopped while it asked', steps: [ask('ask', 'Please hold, and be stopped.')] };
    await this.create(asking, { waitSeconds: 0 });
    await this.untilHeld(1);
    await this.post(`/workflows/${this.ids[asking.name]}/stop`, undefined);
    await this.create({ name: 'cached', steps: [this.#cachedStep] });
  }

  async untilHeld(more: number): Promise<void> {
    this.#held += more;
    await this.#models.untilHeld(this.#held);
  }

  async create(
    definition: Record<string, unknown> & { name: string },
    { key, waitSeconds = 60 }: { key?: string; waitSeconds?: number } = {},
  ): Promise<void> {
    const { id } = await this.post('/workflows', definition, key);
    this.ids[definition.name] = id;
    if (waitSeconds > 0) await this.settle(definition.name);
  }

  /** Its keys are forgotten with it. */
  async #delete(name: string): Promise<void> {
    const id = this.ids[name] as string;
    await this.#life.call('DELETE', `/workflows/${id}`);
    this.keyed = this.keyed.filter(({ route }) => !route.includes(id));
  }

  async settle(name: string): Promise<void> {
    await this.#life.call('GET', `/workflows/${this.ids[name]}?wait=60`);
  }

  async branch(name: string, parent: string, request: object, key?: string): Promise<void> {
    const { id } = await this.post(`/workflows/${this.ids[parent]}/branches`, request, key);
    this.ids[name] = id;
    await this.settle(name);
  }

  async #feed(name: string, request: object, key?: string): Promise<void> {
    await this.post(`/workflows/${this.ids[name]}/external-data`, request, key);
  }

  async post(route: string, body: unknown, key?: string): Promise<{ id: string }> {
    const reply = await this.#life.call('POST', route, body, key);
    if (reply.status >= 300) throw new Error(`POST ${route} was answered ${reply.status}: ${reply.text}`);
    if (key !== undefined) {
      this.keyed.push({
        key,
        route,
        ...(body === undefined ? {} : { body }),
        status: reply.status,
        answer: toDigest(reply.text),
      });
    }
    return JSON.parse(reply.text) as { id: string };
  }
}
