/** Prometheus metrics: of the process, of the calls we answer by route, and of the engine as it stands at each scrape. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { EngineStats } from '../contract/engine.ts';
import { jobStatusSchema } from '../contract/workflow.ts';

/** The process is one, however many servers a program or a test makes in it. */
let processRegistry: Registry | undefined;

function sharedProcessRegistry(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  return processRegistry;
}

const counters = {
  events_total: { help: 'Events made durable', value: (stats: EngineStats) => stats.events },
  journal_batches_total: { help: 'Batches written', value: (stats: EngineStats) => stats.journal_batches },
  journal_records_total: { help: 'Records written', value: (stats: EngineStats) => stats.journal_records },
  journal_bytes_total: { help: 'Bytes written to the journal', value: (stats: EngineStats) => stats.journal_bytes },
  journal_syncs_total: { help: 'fdatasync calls of the journal', value: (stats: EngineStats) => stats.journal_syncs },
  checkpoints_total: { help: 'Checkpoints taken', value: (stats: EngineStats) => stats.checkpoints },
  state_files_written_total: {
    help: 'state.json files written',
    value: (stats: EngineStats) => stats.state_files_written,
  },
  queue_files_written_total: { help: 'Queue files written', value: (stats: EngineStats) => stats.queue_files_written },
  steps_started_total: { help: 'Attempts started', value: (stats: EngineStats) => stats.steps_started },
  steps_completed_total: { help: 'Steps completed', value: (stats: EngineStats) => stats.steps_completed },
  steps_failed_total: { help: 'Steps failed for good', value: (stats: EngineStats) => stats.steps_failed },
  steps_retried_total: { help: 'Attempts that will be repeated', value: (stats: EngineStats) => stats.steps_retried },
};

const gauges = {
  queue_depth: { help: 'Steps ready and waiting', value: (stats: EngineStats) => stats.queue.depth },
  steps_running: { help: 'Steps running now', value: (stats: EngineStats) => stats.queue.running },
  max_parallel_nodes: { help: 'MAX_PARALLEL_NODES', value: (stats: EngineStats) => stats.queue.max_parallel_nodes },
  queue_oldest_wait_seconds: {
    help: 'How long the oldest waiting step has waited',
    value: (stats: EngineStats) => stats.queue.oldest_wait_ms / 1000,
  },
  workflows_in_memory: { help: 'Workflows held in memory', value: (stats: EngineStats) => stats.active_in_memory },
  pool_threads: { help: 'Threads of the pool', value: (stats: EngineStats) => stats.pool_threads },
  set_aside: { help: 'Files set aside as damaged', value: (stats: EngineStats) => stats.set_aside },
  last_sequence: { help: 'Sequence number of the last event', value: (stats: EngineStats) => stats.last_seq },
};

export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #durations: Histogram<'method' | 'route' | 'status'>;
  readonly #workflows: Gauge<'status'>;
  readonly #counters: { counter: Counter; value: (stats: EngineStats) => number }[];
  readonly #gauges: { gauge: Gauge; value: (stats: EngineStats) => number }[];

  constructor() {
    const registers = [this.#registry];
    this.#durations = new Histogram({
      name: 'hybrid_engine_http_request_duration_seconds',
      help: 'Time from the head of a request to the end of its answer, by route pattern',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
      registers,
    });
    this.#workflows = new Gauge({
      name: 'hybrid_engine_workflows',
      help: 'Workflows by status',
      labelNames: ['status'],
      registers,
    });
    this.#counters = Object.entries(counters).map(([name, { help, value }]) => ({
      counter: new Counter({ name: `hybrid_engine_${name}`, help, registers }),
      value,
    }));
    this.#gauges = Object.entries(gauges).map(([name, { help, value }]) => ({
      gauge: new Gauge({ name: `hybrid_engine_${name}`, help, registers }),
      value,
    }));
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** `route` is a pattern, never a path: labels stay few whatever clients ask for. */
  observe(method: string, route: string, status: number, seconds: number): void {
    this.#durations.observe({ method, route, status: String(status) }, seconds);
  }

  async expose(stats: EngineStats): Promise<string> {
    for (const status of jobStatusSchema.options) this.#workflows.set({ status }, stats.workflows[status]);
    for (const { gauge, value } of this.#gauges) gauge.set(value(stats));
    for (const { counter, value } of this.#counters) {
      // The engine counts; here the count is only shown.
      counter.reset();
      counter.inc(value(stats));
    }
    return Registry.merge([sharedProcessRegistry(), this.#registry]).metrics();
  }
}
