/** An answer of each call as the documentation shows it, by operation; the tests hold each against the call's schema. */
import { exampleWorkflowId as id } from './operation.ts';

const at = (seconds: number) => `2026-01-31T12:00:${String(seconds).padStart(2, '0')}.000Z`;
const otherId = '7d1f0c7e-2a54-4c6b-8a1f-5a0f6c1d2e3f';

const step = {
  id: 'fetch',
  name: 'fetch',
  action: 'http_request',
  status: 'COMPLETED',
  dependencies: [],
  params: { url: 'https://example.com' },
  outputs: { status: 200, headers: { 'content-type': 'text/html' }, content: '<!doctype html>…' },
  error: null,
  queuedAt: at(0),
  startTime: at(0),
  endTime: at(1),
  duration: '1 sec',
  logs: [`Started execution at ${at(0)}`, `Completed successfully at ${at(1)}`],
  metadata: null,
  execution_metrics: null,
  attempt: 1,
  timeoutMs: null,
  retry: null,
};

const summary = {
  id,
  name: 'Two steps',
  status: 'COMPLETED',
  createdAt: at(0),
  updatedAt: at(1),
  description: '',
  tags: ['nightly'],
  progress: 100,
  parentId: null,
  templateId: null,
  failurePolicy: 'continue',
  version: 3,
  warnings: [],
  metrics: {
    total_tokens: 0,
    total_cost: 0,
    completed_steps: 1,
    failed_steps: 0,
    total_steps: 1,
    cost_is_floor: false,
  },
  steps_total: 1,
  step_counts: { COMPLETED: 1 },
};

const { steps_total: _, step_counts: __, ...shared } = summary;
const workflow = { ...shared, steps: [step], branches: [], cost_breakdown: {}, params: {} };
const running = { ...workflow, status: 'RUNNING', progress: 0 };

const event = {
  seq: 42,
  kind: 'step.completed',
  workflow_id: id,
  step_id: 'fetch',
  at: at(1),
  status: 'COMPLETED',
  step_status: 'COMPLETED',
  step: {
    status: 'COMPLETED',
    attempt: 1,
    queuedAt: at(0),
    startTime: at(0),
    endTime: at(1),
    errorCode: null,
  },
  progress: 100,
  steps_total: 1,
  step_counts: { COMPLETED: 1 },
  total_cost: 0,
  total_tokens: 0,
  cost_is_floor: false,
  version: 3,
};

const template = {
  id: 'page-digest',
  name: 'Page digest',
  description: 'The main points of a page',
  params: { type: 'object', properties: { url: { type: 'string' } }, required: ['url'] },
  steps: [{ id: 'fetch', action: 'http_request', params: { url: '{{params.url}}' } }],
};

const schedule = {
  template: 'nightly-digest',
  cron: '0 7 * * *',
  timezone: 'Europe/Berlin',
  enabled: true,
  paused: false,
  next: '2026-02-01T06:00:00.000Z',
  last: { slot: '2026-01-31T06:00:00.000Z', workflow_id: id },
  queued: [],
  passed: [],
};

const costs = {
  calls: 2,
  unpriced_calls: 0,
  tokens: 300,
  input_tokens: 200,
  cached_input_tokens: 0,
  cache_write_tokens: 0,
  output_tokens: 100,
  reasoning_tokens: 0,
  cost: 0.0035,
  cost_is_floor: false,
};

const dryRun = {
  name: 'Two steps',
  status: 'COMPLETED',
  waves: [['fetch'], ['keywords']],
  max_parallel_nodes: 4,
  steps: [
    {
      wave: 1,
      id: 'fetch',
      action: 'http_request',
      status: 'COMPLETED',
      error: null,
      would: { kind: 'request', method: 'GET', url: 'https://example.com/', open: ['content', 'json'] },
      when: null,
      times: 1,
    },
  ],
  after_failure: [],
  models: { calls: 0, input_tokens: 0, output_tokens: 0, cost: 0, cost_is_floor: false },
  notes: [],
};

const token = 'q9Zl0tY4w8uJ2mB6xN1cV5sK3hG7dF0aE4rT8yU2iO6';
const pairedAs = {
  id: 'client_5f0c2d9a1b3e',
  name: 'Chrome on the desk',
  origin: 'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
  created_at: at(0),
};

export const answerExamples: Readonly<Record<string, unknown>> = {
  createWorkflow: running,
  createWorkflowFromTemplate: running,
  branchWorkflow: { ...running, parentId: otherId },
  listWorkflows: [summary],
  listFacets: {
    total: 3,
    status: [
      { value: 'COMPLETED', count: 2 },
      { value: 'FAILED', count: 1 },
    ],
    tag: [{ value: 'nightly', count: 3 }],
    template: [{ value: 'page-digest', count: 1 }],
  },
  getWorkflow: workflow,
  getStep: step,
  stopWorkflow: { ...workflow, status: 'STOPPED' },
  resumeWorkflow: running,
  retryWorkflow: running,
  bulkWorkflows: [
    { id, ok: true, status: 'STOPPED', code: null, detail: 'stopped' },
    { id: otherId, ok: false, status: null, code: 'CONFLICT', detail: `Workflow ${otherId} is COMPLETED` },
  ],
  dryRunWorkflow: dryRun,
  dryRunTemplate: dryRun,
  validateDefinition: {
    errors: [
      { path: 'steps[0].dependencies[0]', message: 'step "a" depends on "b", which is no step', line: 5, column: 20 },
    ],
    warnings: [],
  },
  getWorkflowLogs: {
    lines: [{ at: at(0), level: 'info', step_id: 'fetch', line: 0, text: `Started execution at ${at(0)}` }],
    more: false,
    next: at(0),
  },
  searchWorkflow: {
    hits: [{ step_id: 'fetch', in: 'outputs', pointer: '/content', before: 'an ', match: 'example', after: ' page' }],
    cut: false,
    unread: [],
  },
  getWorkflowLineage: {
    root: otherId,
    nodes: [
      { ...summary, id: otherId },
      { ...summary, parentId: otherId },
    ],
    edges: [{ parent: otherId, child: id, kind: 'branch', stepId: 'fetch' }],
    cut: false,
  },
  getWorkflowDefinition: {
    definition: { name: 'One step', steps: [{ id: 'only', action: 'noop' }] },
    params: {},
    templateId: null,
  },
  getStepOutputPart: { pointer: '/content', type: 'string', bytes: 7_340_032, cut: true, text: '<!doctype html>…' },
  ingestExternalData: { step_id: 'page', workflow_id: id, queued_dependents: 1, status: 'success' },
  listExternalSteps: { workflow_id: id, external_steps: [{ ...step, id: 'page', action: 'external_data' }], count: 1 },
  listWaiting: [
    { workflow_id: id, step_id: 'approve', name: 'Editor approves', action: 'approval', for: 'decision', since: at(1) },
  ],
  decideStep: { ...step, id: 'approve', action: 'approval', outputs: { approved: true, by: 'Ada', comment: null } },
  streamEvents: event,
  streamWorkflowEvents: event,
  createTicket: { ticket: token, expires_at: '2026-01-31T12:01:00.000Z' },
  openPairing: { code: 'K7QM3XPA', expires_at: '2026-01-31T12:02:00.000Z' },
  pair: { token, scope: 'capture', client: pairedAs },
  listClients: [{ ...pairedAs, scope: 'capture', last_used_at: at(0) }],
  createClient: { token, scope: 'read', client: { ...pairedAs, name: 'Grafana', origin: null } },
  listTemplates: [template],
  getTemplate: template,
  listActions: [{ action: 'noop', lane: 'io', description: 'Does nothing.', params: { type: 'object' }, secrets: [] }],
  listSecrets: [{ name: 'GITHUB_TOKEN' }],
  listSchedules: [schedule],
  pauseSchedule: { ...schedule, paused: true, next: null },
  resumeSchedule: schedule,
  triggerSchedule: { template: 'nightly-digest', slot: at(0), workflow_id: id, queued: false },
  receiveHook: { workflow_id: id },
  getCosts: { from: null, to: null, by: 'model', rows: [{ key: 'openai/gpt-4o', ...costs }], total: costs },
  getHealth: {
    status: 'healthy',
    timestamp: at(0),
    auth: 'none',
    version: '0.1.0',
    uptime_seconds: 12.5,
    notices: [],
    problems: [],
  },
  getQueue: {
    depth: 3,
    running: 1,
    max_parallel_nodes: 4,
    oldest_wait_ms: 1_200,
    held: [
      {
        waits_for: 'requests a minute of openai/gpt-4o',
        until: at(30),
        steps: 2,
        first: [{ workflow_id: id, step_id: 'summary' }],
      },
    ],
  },
  getEngine: {
    version: '0.1.0',
    node: '22.13.0',
    uptime_seconds: 12.5,
    settings: { HOST: '127.0.0.1', PORT: 8_000, MAX_PARALLEL_NODES: 4 },
    providers: [{ name: 'openai', configured: true }],
    limits: [{ name: 'budget of the day, US dollars', used: 0.25, max: 10, resets: '2026-02-01T00:00:00.000Z' }],
    disk: { free: 52_428_800_000 },
    cache: { entries: 12, bytes: 48_000 },
    templates_errors: [],
  },
};
