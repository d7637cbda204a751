/**
 * Goal: a follower gets the events it asked for, each once and in order, and a gap where some are no longer held; followers
 * of other workflows cost a publication nothing. Method: a window in the test's hands; calls and reads are counted.
 */
import { describe, expect, it } from 'vitest';
import type { EngineEvent, EventGap } from '../../../src/contract/event.ts';
import { EventWindow } from '../../../src/coordinator/followers/event-window.ts';

const at = '2026-01-01T00:00:00.000Z';
const event = (seq: number, workflow_id: string): EngineEvent => ({
  seq,
  kind: 'step.started',
  workflow_id,
  at,
  status: 'RUNNING',
  version: seq,
});

/** A window, empty after so many events, and what is published in it. */
function open(eventsMax = 100, lastSeq = 0) {
  const window = new EventWindow(eventsMax, () => lastSeq);
  return {
    window,
    /** One publication: an event of each of these workflows, in this order. */
    publish(...workflowIds: string[]) {
      const events = workflowIds.map((id) => event(++lastSeq, id));
      window.publish(events);
      return events;
    },
    follow(after: number | null, workflowId: string | null) {
      const calls: (readonly (EngineEvent | EventGap)[])[] = [];
      const end = window.subscribe(after, workflowId, (events) => void calls.push(events));
      const seen = () => calls.flat().map((one) => (one.kind === 'gap' ? `gap ${one.after}..${one.oldest}` : one.seq));
      return { calls, seen, end };
    },
  };
}

describe('a follower of one workflow', () => {
  it('EW2: is called with its events alone, once for each publication that holds some', () => {
    const { publish, follow } = open();
    const own = follow(null, 'a');
    const all = follow(null, null);
    publish('a', 'b', 'a');
    publish('b');
    publish('b', 'a');
    expect(own.calls.map((events) => events.map((one) => 'seq' in one && one.seq))).toEqual([[1, 3], [6]]);
    expect(all.calls).toHaveLength(3);
    expect(all.seen()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('is not called for other workflows, nor is it looked at: what is read grows with the events alone', () => {
    const { window, follow } = open();
    const followers = Array.from({ length: 500 }, (_, n) => follow(null, `idle ${n}`));
    let reads = 0;
    const events = Array.from({ length: 100 }, (_, n) =>
      Object.defineProperty(event(n + 1, ''), 'workflow_id', {
        get: () => {
          reads += 1;
          return 'busy';
        },
      }),
    );
    window.publish(events);
    expect(followers.flatMap(({ calls }) => calls)).toEqual([]);
    expect(reads).toBeLessThanOrEqual(3 * events.length);
  });

  it('shares one list with the other followers of its workflow', () => {
    const { publish, follow } = open();
    const [first, second] = [follow(null, 'a'), follow(null, 'a')];
    publish('a', 'b');
    expect(first.calls[0]).toBe(second.calls[0]);
  });

  it('EW1: that comes back gets its events after the last it saw, and goes on without a hole or a repetition', () => {
    const { publish, follow } = open();
    publish('a', 'b', 'a', 'b', 'a');
    const back = follow(1, 'a');
    const upToDate = follow(5, 'a');
    publish('b', 'a');
    expect(back.seen()).toEqual([3, 5, 7]);
    expect(upToDate.calls).toHaveLength(1);
    expect(upToDate.seen()).toEqual([7]);
  });

  it('EW1: gets a gap where events after its number are no longer held, and then those of its own that are', () => {
    const { publish, follow } = open(4);
    for (let n = 0; n < 5; n += 1) publish('b', 'a');
    const back = follow(1, 'a');
    expect(back.seen()).toEqual(['gap 1..7', 8, 10]);
    expect(follow(6, 'a').seen()).toEqual([8, 10]);
  });

  it('gets the gap though none of its own events is held, and one of a number that was never given out', () => {
    const { window, publish, follow } = open(100, 12);
    window.restore([event(11, 'b'), event(12, 'b')], 10);
    publish('b');
    expect(follow(3, 'a').seen()).toEqual(['gap 3..11']);
    expect(follow(99, 'a').seen()).toEqual(['gap 99..11']);
    expect(follow(12, 'a').seen()).toEqual([]);
    expect(follow(10, 'b').seen()).toEqual([11, 12, 13]);
  });

  it('gets nothing more once it has ended, and another of the same workflow goes on', () => {
    const { publish, follow } = open();
    const [gone, here] = [follow(null, 'a'), follow(null, 'a')];
    publish('a');
    gone.end();
    gone.end();
    publish('a');
    here.end();
    publish('a');
    const later = follow(null, 'a');
    gone.end();
    publish('a');
    expect([gone.seen(), here.seen(), later.seen()]).toEqual([[1], [1, 2], [4]]);
  });
});
