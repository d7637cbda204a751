/**
 * Data directories as an engine would leave them, made through the engine's own store, journal and core, but without running
 * a step: unfinished workflows over a long journal (as after a kill), and many finished ones (as after a stop in good order).
 */
import fs from 'node:fs';
import path from 'node:path';
import type { JournalEvent } from '../src/contract/journal-event.ts';
import { toEventJson } from '../src/contract/journal-event.ts';
import { limits } from '../src/contract/limits.ts';
import type { FinishedEntry, QueueItem, StorePort } from '../src/contract/store.ts';
import { createChance } from '../src/coordinator/clock.ts';
import { createWorkflow } from '../src/core/create-workflow.ts';
import { decideCreate, decideOutcome, decideStart } from '../src/core/decide.ts';
import { evolve } from '../src/core/evolve.ts';
import type { WorkflowState } from '../src/core/state.ts';
import { toMeta } from '../src/core/state-file.ts';
import { toIso } from '../src/core/time.ts';
import { toSummary, ViewEncoder } from '../src/core/view.ts';
import { composeState } from '../src/store/state-bytes.ts';
import { openStore } from '../src/store/store.ts';

interface Paths {
  workflowsDir: string;
  queueStateFile: string;
}

const chance = createChance();
/** Longer than any measurement: what is ready runs, and does not end. */
const delayMs = 3_600_000;
const metadata = {
  model: 'gpt-4',
  tokens: 412,
  prompt_tokens: 61,
  completion_tokens: 351,
  cost: 0.0229,
  duration_ms: 1_874,
};
const metrics = { tokens: 412, cost: 0.0229, model: 'gpt-4' };

/** Events in the order in which they were decided, written in batches as large as the engine's. */
class Writer {
  readonly #store: StorePort;
  #payloads: string[] = [];
  #bytes = 0;
  #seq: number;

  constructor(store: StorePort) {
    this.#store = store;
    this.#seq = store.nextSeq;
  }

  create(name: string, steps: readonly { id: string; dependencies?: string[] }[], now: number): WorkflowState {
    const definition = { name, steps: steps.map((step) => ({ ...step, action: 'delay', params: { ms: delayMs } })) };
    const event = decideCreate({ id: chance.workflowId(), definition, templateId: null, now });
    return createWorkflow(event, this.#add(event));
  }

  start(state: WorkflowState, stepId: string, now: number): void {
    const event = decideStart(state, stepId, now);
    evolve(state, event, this.#add(event));
  }

  complete(state: WorkflowState, stepId: string, outputs: object, now: number): void {
    const result = { kind: 'completed' as const, outputs: { json: JSON.stringify(outputs) }, metadata, metrics };
    const input = { now, durationMs: 1_874, random: 0 };
    const event = decideOutcome(state, stepId, 1, { ...result, logs: [], simulated: false }, input)!;
    evolve(state, event, this.#add(event));
  }

  flush(): void {
    if (this.#payloads.length > 0) this.#store.append(this.#payloads);
    this.#payloads = [];
    this.#bytes = 0;
  }

  #add(event: JournalEvent): number {
    const json = toEventJson(event);
    this.#payloads.push(json);
    this.#bytes += json.length;
    if (this.#payloads.length >= limits.batchRecordsMax || this.#bytes >= limits.batchBytesMax) this.flush();
    this.#seq += 1;
    return this.#seq - 1;
  }
}

export interface Unfinished {
  records: number;
  journalBytes: number;
  stateBytes: number;
  /** What each workflow's completed steps have to show after a start. */
  outputs: Map<string, Map<string, unknown>>;
}

/**
 * Chains of steps, all at work side by side, killed while each runs one: every state.json is there, a few events behind.
 * A step's outputs are of the size of a model's answer.
 */
export async function makeUnfinished(paths: Paths, workflows: number, journalBytes: number): Promise<Unfinished> {
  const store = await openStore(paths);
  store.begin([]);
  const writer = new Writer(store);
  const now = Date.now() - 3_600_000;
  const stepsEach = 40;
  const steps = Array.from({ length: stepsEach }, (_, i) => ({
    id: `s${i}`,
    ...(i > 0 ? { dependencies: [`s${i - 1}`] } : {}),
  }));
  const states = Array.from({ length: workflows }, (_, i) => writer.create(`workflow ${i}`, steps, now));
  const outputs = new Map(states.map(({ header }) => [header.id, new Map<string, unknown>()]));
  const contentLength = 1_500;
  let round = 0;
  for (; store.bytesSinceCut < journalBytes && round < stepsEach - 1; round += 1) {
    const stepId = `s${round}`;
    for (const [i, state] of states.entries()) {
      const content = `Answer ${i} to step ${round}: "${'Leaves stand in water for a while.\n'.repeat(50)}`.slice(
        0,
        contentLength,
      );
      writer.start(state, stepId, now + round);
      writer.complete(state, stepId, { content, response_model: 'gpt-4-0613' }, now + round);
      outputs.get(state.header.id)!.set(stepId, { content, response_model: 'gpt-4-0613' });
    }
    writer.flush();
  }
  let stateBytes = 0;
  for (const state of states) {
    const text = new ViewEncoder().encode(state);
    stateBytes += text.length;
    await store.writeState(state.header.id, text, { ...toMeta(state) }, { durable: false });
  }
  for (const state of states) writer.start(state, `s${round}`, now + round);
  writer.flush();
  const queue = states.map(({ header }): QueueItem => {
    const item = { workflow_id: header.id, node_id: `s${round}`, action: 'delay', attempt: 1, queued_at: toIso(now) };
    return { ...item, status: 'RUNNING' };
  });
  await store.writeQueue(queue, { durable: false });
  const made = { records: store.nextSeq - 1, journalBytes: store.bytesSinceCut, stateBytes, outputs };
  await store.close();
  return made;
}

/** Three steps each. Their files are written plainly: a million fsyncs would take the bench's time. */
export async function makeFinished(paths: Paths, workflows: number): Promise<string[]> {
  const store = await openStore(paths);
  store.begin([]);
  const writer = new Writer(store);
  const steps = ['a', 'b', 'c'].map((id, i) => ({ id, ...(i > 0 ? { dependencies: ['abc'[i - 1]!] } : {}) }));
  const ids: string[] = [];
  const now = Date.now() - workflows;
  let entries: FinishedEntry[] = [];
  for (let made = 0; made < workflows; made += 1) {
    const state = writer.create(`workflow ${made}`, steps, now + made);
    for (const { id } of steps) {
      writer.start(state, id, now + made);
      writer.complete(state, id, { content: `Answer ${made} of ${id}` }, now + made);
    }
    const { id, seq } = state.header;
    const { bytes, sha256 } = composeState(new ViewEncoder().encode(state), { ...toMeta(state) });
    fs.mkdirSync(path.join(paths.workflowsDir, id), { mode: 0o700 });
    fs.writeFileSync(path.join(paths.workflowsDir, id, 'state.json'), bytes, { mode: 0o600 });
    ids.push(id);
    entries.push({ id, seq, sha256, summary: toSummary(state), keys: [] });
    if (entries.length === 10_000 || made === workflows - 1) {
      writer.flush();
      const last = store.nextSeq - 1;
      const segment = store.cut();
      await store.indexFinished(entries);
      await store.checkpoint({ seq: last, segment, live: {}, setAside: {}, durations: {} });
      entries = [];
    }
  }
  await store.close();
  return ids;
}
