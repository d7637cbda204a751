/** The product's tasks and some that misbehave in every way the pool has to survive. */
import { spawn, spawnSync } from 'node:child_process';
import { pbkdf2Sync } from 'node:crypto';
import { appendFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import type { Task, TaskContext } from '../../src/contract/task.ts';
import { TaskFailure } from '../../src/contract/task.ts';
import { tasks } from '../../src/tasks/registry.ts';

type Run = (params: Record<string, string>, context: TaskContext) => ReturnType<Task['run']>;

const nothing = { outputs: {} };
const never = (): Promise<never> => new Promise(() => {});
const retained: unknown[] = [];
let turn = 0;
let countsTurns = false;

/** Of this thread's event loop, counted from the first call on. */
function currentTurn(): number {
  const count = () => {
    turn += 1;
    setImmediate(count).unref();
  };
  if (!countsTurns) setImmediate(count).unref();
  countsTurns = true;
  return turn;
}

const faults: Record<string, Run> = {
  throws: () => {
    throw Object.assign(new Error('no such row'), { code: 'E_ROW' });
  },
  throws_failure: () => {
    throw new TaskFailure('HTTP_RETRYABLE', 'come back later', { retryAfterMs: 1_234 });
  },
  throws_null: () => {
    throw null;
  },
  throws_long: () => {
    throw new Error('x'.repeat(100_000));
  },
  exits: () => process.exit(0),
  exits_with_3: () => process.exit(3),
  exits_after_return: () => {
    setTimeout(() => process.exit(3), 50);
    return nothing;
  },
  exits_right_after_return: () => {
    setImmediate(() => process.exit(3));
    return nothing;
  },
  exits_later: () => {
    setTimeout(() => process.exit(3), 100);
    return never();
  },
  /** Shows in a file that it still runs; hears no signal. */
  beats: ({ file = '' }) => {
    setInterval(() => appendFileSync(file, '.'), 1);
    return never();
  },
  loops_as: ({ file = '' }) => {
    writeFileSync(file, String(process.pid));
    for (;;);
  },
  waits_as: ({ file = '' }) => {
    writeFileSync(file, String(process.pid));
    return nothing;
  },
  /** Something that outlives its process by a moment, and has its stderr. */
  leaves_a_child: () => {
    spawn('/bin/sleep', ['1'], { stdio: ['ignore', 'ignore', 'inherit'] });
    return nothing;
  },
  says_rubbish: () => {
    process.send?.('rubbish');
    return never();
  },
  answers_for_another: () => {
    const outcome = { kind: 'completed', jobId: -1, outputsJson: '{}', logs: [], metadata: null, metrics: null };
    process.send?.({ kind: 'outcome', outcome, isSpent: false });
    return never();
  },
  /** More parts than an array can hold: V8 ends the process, and would end that of a thread. */
  allocates_at_once: () => ({ outputs: { parts: 'x'.repeat(250_000_000).split('').length } }),
  /** More than is kept of it, and what is kept says that the memory is full, which it is not. */
  writes_of_memory: () => {
    writeSync(2, 'a page about being out of memory\n'.repeat(1_000));
    return nothing;
  },
  writes_and_exhausts_heap: () => {
    writeSync(2, 'nothing of note\n'.repeat(2_000));
    for (;;) retained.push(new Array(10_000).fill(Math.random()));
  },
  fills_its_heap: ({ file = '' }) => {
    writeFileSync(file, String(process.pid));
    for (let i = 0; i < 1_900; i += 1) retained.push(new Array(10_000).fill(i));
    return nothing;
  },
  beats_in_a_loop: ({ file = '' }) => {
    for (;;) appendFileSync(file, '.');
  },
  /** No thread can be ended in the middle of a native call: it takes as long as the call does. */
  beats_in_a_native_call: ({ file = '' }) => {
    spawnSync('/bin/sh', ['-c', 'for i in 1 2 3 4 5 6 7 8 9; do echo . >> "$0"; /bin/sleep 0.1; done', file]);
    return never();
  },
  /** Ends when as many run as `count` says, each on a thread of its own. */
  meets: ({ file = '', count }) => {
    appendFileSync(file, '.');
    return new Promise((resolve) => {
      const look = setInterval(() => {
        if (statSync(file).size < Number(count)) return;
        clearInterval(look);
        resolve(nothing);
      }, 5);
    });
  },
  rejects_unhandled: () => {
    void Promise.reject(new Error('nobody listens'));
    return never();
  },
  throws_uncaught: () => {
    setImmediate(() => {
      throw new Error('nobody catches');
    });
    return never();
  },
  throws_uncaught_null: () => {
    setImmediate(() => {
      throw null;
    });
    return never();
  },
  loops: () => {
    for (;;);
  },
  backtracks: () => {
    /^(a+)+$/.test(`${'a'.repeat(60)}!`);
    return nothing;
  },
  /** One native call: nothing but the end of its process ends it. */
  derives_a_key: () => {
    pbkdf2Sync('password', 'salt', 2_000_000_000, 32, 'sha256');
    return nothing;
  },
  parses: () => {
    const text = `[${'[0],'.repeat(5_000_000)}0]`;
    for (;;) JSON.parse(text);
  },
  /** Meanwhile whatever was sent to the thread arrives. */
  blocks_for_a_while: () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    return nothing;
  },
  blocks_for_two_seconds: async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
    return nothing;
  },
  /** A millisecond of work, when others have begun. */
  works_after: async () => {
    await new Promise((resolve) => setImmediate(resolve));
    for (const until = performance.now() + 1; performance.now() < until; );
    return nothing;
  },
  tells_turn: () => ({ outputs: { turn: currentTurn() } }),
  waits_on_memory: () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    return nothing;
  },
  exhausts_heap: () => {
    for (;;) retained.push(new Array(10_000).fill(Math.random()));
  },
  deaf: never,
  hears: (_params, { signal, log }) => {
    log('listening');
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
  },
  completes_when_aborted: (_params, { signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(nothing))),
  returns_function: () => ({ outputs: { deep: [{ call: () => 1 }] } }),
  returns_bigint: () => ({ outputs: { big: 1n } }),
  returns_map: () => ({ outputs: { map: new Map() } }),
  returns_nan: () => ({ outputs: { value: Number.NaN } }),
  returns_list: () => ({ outputs: [] as unknown as Record<string, unknown> }),
  returns_nothing: () => ({ outputs: undefined as unknown as Record<string, unknown> }),
  returns_no_result: () => undefined as unknown as { outputs: Record<string, unknown> },
  returns_cycle: () => {
    const outputs: Record<string, unknown> = {};
    outputs.self = outputs;
    return { outputs };
  },
  returns_depth_5000: () => {
    let value: unknown = 1;
    for (let i = 0; i < 5_000; i += 1) value = [value];
    return { outputs: { value } };
  },
  returns_shared_branches: () => {
    let value: unknown = 'leaf';
    for (let i = 0; i < 60; i += 1) value = [value, value];
    return { outputs: { value } };
  },
  returns_2_million_values: () => ({ outputs: { json: JSON.parse(`[${'0,'.repeat(2_000_000)}0]`) } }),
  returns_65_mib: () => ({ outputs: { content: 'x'.repeat(65 * 1024 * 1024) } }),
  returns_proto_key: () => ({ outputs: JSON.parse('{"a": {"__proto__": {"polluted": true}}}') }),
  returns_lone_surrogate: () => ({ outputs: { content: 'half \ud83d' } }),
  returns_undefined_property: () => ({ outputs: { kept: 1, gone: undefined } }),
  logs_too_much: (_params, { log }) => {
    for (let i = 0; i < 5_000; i += 1) log(`line ${i} ${'y'.repeat(10_000)}`);
    return nothing;
  },
  echoes_secrets: (_params, { secrets, log }) => {
    log(`used ${secrets.OPENAI_API_KEY}`);
    return {
      outputs: { echo: secrets, content: JSON.stringify({ echoed: secrets }), [`key ${secrets.OPENAI_API_KEY}`]: 1 },
      metadata: { authorization: `Bearer ${secrets.OPENAI_API_KEY}` },
      metrics: { tokens: 3 },
    };
  },
  fails_after_use: (_params, { account, secrets }) => {
    account({ tokens: 5 });
    account({ tokens: 7, note: `key ${secrets.OPENAI_API_KEY}` });
    throw new Error('the answer was cut off');
  },
  accounts_too_much: (_params, { account }) => {
    account({ tokens: 5 });
    account({ note: 'x'.repeat(100_000) });
    return nothing;
  },
  accounts_a_bigint: (_params, { account }) => {
    account({ tokens: 5 });
    account({ tokens: 7n });
    return nothing;
  },
  throws_secret: (_params, { secrets }) => {
    throw new Error(`401: wrong key ${secrets.OPENAI_API_KEY}`);
  },
  tells_context: (_params, { log: _log, account: _account, say: _say, signal, ...context }) => ({
    outputs: { context, aborted: signal.aborted, environment: { ...process.env } },
  }),
};

const entries = Object.entries(faults).map(([action, run]): [string, Task] => [
  action,
  {
    action,
    lane: 'io',
    description: 'misbehaves',
    params: z.record(z.string(), z.unknown()),
    secrets: ['OPENAI_API_KEY', 'QUOTED_KEY'],
    timeoutMs: 30_000,
    run: run as Task['run'],
  },
]);

export const faultyTasks: ReadonlyMap<string, Task> = new Map([...tasks, ...entries]);
