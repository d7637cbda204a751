// Goal: a thread that does not answer for 30 s ends the process with status 71, and nothing else does (WD1 to WD3).
// Method: the looks are counted by hand; then processes in which a thread gets stuck in each way there is.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { beatMs, createBeats, startHeartbeat, watchedThreads } from '../../src/watchdog/heartbeat.ts';
import { ThreadWatch } from '../../src/watchdog/thread-watch.ts';
import { emitted } from '../fixtures/emitted.ts';

const looks = (watch: ThreadWatch, count: number) => Array.from({ length: count }, () => watch.look()).filter(Boolean);

describe('a watch', () => {
  const beat = (beats: SharedArrayBuffer, place: number) => Atomics.add(new Int32Array(beats), place, 1);

  it.each(watchedThreads)('WD1: finds that the %s is stuck at the last of its looks, and not before', (thread) => {
    const beats = createBeats();
    const watch = new ThreadWatch(beats, 30);
    const place = watchedThreads.indexOf(thread);
    beat(beats, place);
    expect(looks(watch, 30)).toEqual([]);
    expect(watch.look()).toBe(thread);
  });

  it('WD1: begins to count anew with each beat', () => {
    const beats = createBeats();
    const watch = new ThreadWatch(beats, 3);
    for (let n = 0; n < 50; n += 1) {
      beat(beats, 0);
      if (n % 3 === 0) beat(beats, 1);
      expect(watch.look()).toBeNull();
    }
    expect(looks(watch, 3).at(-1)).toBe('server');
  });

  it('WD1: notices the one that is stuck beside the one that beats', () => {
    const beats = createBeats();
    const watch = new ThreadWatch(beats, 5);
    beat(beats, 1);
    const found = Array.from({ length: 7 }, () => {
      beat(beats, 0);
      return watch.look();
    });
    expect(found.slice(0, 6)).toEqual([null, null, null, null, null, 'coordinator']);
  });

  it('WD2: does not look at a clock', () => {
    const source = readFileSync('src/watchdog/thread-watch.ts', 'utf8');
    expect(source).not.toMatch(/Date|performance|hrtime/);
  });

  it('WD3: waits without end for a thread that has not begun to beat', () => {
    expect(looks(new ThreadWatch(createBeats(), 3), 1_000)).toEqual([]);
  });
});

it('a heart beats at once, and then once a second', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const beats = createBeats();
  startHeartbeat(beats, 'coordinator');
  expect([...new Int32Array(beats)]).toEqual([0, 1]);
  vi.advanceTimersByTime(beatMs - 1);
  expect([...new Int32Array(beats)]).toEqual([0, 1]);
  vi.advanceTimersByTime(1 + 9 * beatMs);
  expect([beatMs, ...new Int32Array(beats)]).toEqual([1_000, 0, 11]);
});

it('the product watches with a patience of 30 s', () => {
  expect(readFileSync('src/main.ts', 'utf8')).toMatch(/const stuckAfterMs = 30_000;/);
});

describe('a process', () => {
  const run = (thread: string, how: string, patienceMs: number) => {
    const file = emitted('test/watchdog/stuck-process.ts');
    const child = spawn(process.execPath, [file, thread, how, String(patienceMs)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    return { child, stderr: () => stderr };
  };

  it.each([
    ['server', 'loop'],
    ['server', 'pattern'],
    ['server', 'promises'],
    ['server', 'wait'],
    ['coordinator', 'loop'],
    ['coordinator', 'pattern'],
    ['coordinator', 'wait'],
  ])('whose thread of the %s is stuck (%s) ends with status 71 and says why', async (thread, how) => {
    const { child, stderr } = run(thread, how, 2_000);
    expect(await once(child, 'close')).toEqual([71, null]);
    expect(stderr().split('\n')[0]).toBe(
      `Hybrid Engine has to end (exit status 71): the ${thread}'s thread has not answered for 2 s`,
    );
  });

  it('that was suspended for longer than the patience goes on', async () => {
    const { child, stderr } = run('none', '', 2_000);
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    const other = run('server', 'loop', 4_000);
    await once(other.child, 'close');
    child.kill('SIGCONT');
    await once(run('server', 'loop', 2_000).child, 'close');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(stderr()).toBe('');
  });
});
