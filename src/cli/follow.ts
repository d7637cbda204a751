/**
 * Watching one workflow until it rests. Whether it rests is asked of the engine itself; events only feed the display, so
 * one that is lost costs a line of progress and never the end.
 */
import type { WorkflowReply } from '../contract/engine.ts';
import { Refusal } from '../contract/failures.ts';
import { isAtRest } from '../contract/workflow.ts';
import type { CliEngine } from './context.ts';
import type { Progress } from './progress.ts';

const waitMs = 30_000;
/** Without events the snapshots are the progress. */
const waitWithoutEventsMs = 1_000;

export interface FollowOptions {
  timeoutMs: number | undefined;
  /** Whether Ctrl-C stops the workflow; on a server that others use it goes on by itself. */
  stopOnInterrupt: boolean;
}

export interface Followed {
  reply: WorkflowReply;
  ending: 'rest' | 'timeout' | 'interrupted' | 'detached';
}

export async function followWorkflow(
  engine: CliEngine,
  created: WorkflowReply,
  progress: Progress,
  { timeoutMs, stopOnInterrupt }: FollowOptions,
): Promise<Followed> {
  const cancelled = new AbortController();
  const interrupt = () => cancelled.abort('interrupted');
  // Once: a second Ctrl-C ends the process at once, as people expect.
  process.once('SIGINT', interrupt);
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => cancelled.abort('timeout'), timeoutMs);
  const watch = startWatch(engine, created.id, progress);
  try {
    let reply = created;
    while (!isAtRest(reply.status) && !cancelled.signal.aborted) {
      const wait = watch.hasEvents() ? waitMs : waitWithoutEventsMs;
      reply = await engine.get(created.id, { waitMs: wait, signal: cancelled.signal });
      if (!isAtRest(reply.status)) progress.show(reply.workflow);
    }
    if (isAtRest(reply.status)) return { reply, ending: 'rest' };
    const ending = cancelled.signal.reason === 'timeout' ? 'timeout' : 'interrupted';
    if (ending === 'interrupted' && !stopOnInterrupt) return { reply, ending: 'detached' };
    return { reply: await stop(engine, created.id), ending };
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', interrupt);
    await watch.end();
  }
}

async function stop(engine: CliEngine, id: string): Promise<WorkflowReply> {
  try {
    return await engine.stop(id);
  } catch (error) {
    // It came to its end by itself in the meantime.
    if (error instanceof Refusal && error.code === 'CONFLICT') return engine.get(id);
    throw error;
  }
}

function startWatch(engine: CliEngine, id: string, progress: Progress) {
  const ended = new AbortController();
  let hasEvents = true;
  const watch = async () => {
    try {
      // From the first event on: those since the creation that are still held, then what happens.
      for await (const event of engine.follow(id, { after: 0, signal: ended.signal })) {
        if (event.kind === 'gap') progress.show((await engine.get(id)).workflow);
        else if (event.kind === 'step.tokens') progress.tell(event);
        else progress.apply(event);
      }
    } catch (error) {
      if (ended.signal.aborted) return;
      progress.note(`no live events (${error instanceof Error ? error.message : String(error)}); looking every second`);
    }
    hasEvents = false;
  };
  const watching = watch();
  return {
    hasEvents: () => hasEvents,
    async end() {
      ended.abort();
      await watching;
    },
  };
}
