/**
 * Goal: whether the owner that a lock file names is alive (LF1, LF2), by what the system says of its process. Method: owners
 * made by hand, and a system whose answers the test gives.
 */
import { expect, test, vi } from 'vitest';
import { createNodeDisk, type Disk } from '../../src/store/disk.ts';
import { describeSelf, isOwnerAlive, type LockTime, type Owner } from '../../src/store/lock-file.ts';

const noWait: LockTime = {
  wait: () => Promise.reject(new Error('nobody is watched here')),
  every: () => () => undefined,
};
const disk = createNodeDisk();
const self = describeSelf(disk, false);

/** A process without /proc, or with this state and start time. */
function withProcess(stat: string | null): Disk {
  return {
    ...disk,
    readFileSync(file) {
      if (!/^\/proc\/\d+\/stat$/.test(file)) return disk.readFileSync(file);
      if (stat === null) throw Object.assign(new Error('no /proc'), { code: 'ENOENT' });
      return Buffer.from(stat);
    },
  };
}

function toStat(state: string, startTime: string): string {
  return `4242 (a ) b) ${[state, ...Array.from({ length: 18 }, (_, i) => String(i)), startTime].join(' ')} 0 0`;
}

async function isAlive(
  owner: Partial<Owner>,
  system: Disk,
  code: string | null,
  socketIsOurs = false,
): Promise<boolean> {
  const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
    if (code !== null) throw Object.assign(new Error(code), { code });
    return true;
  });
  try {
    return await isOwnerAlive(system, 'lock', { ...self, startTime: '777', ...owner }, socketIsOurs, noWait);
  } finally {
    kill.mockRestore();
  }
}

test('LF2: no such process is a dead owner; one of another user is alive', async () => {
  expect(await isAlive({}, withProcess(null), 'ESRCH')).toBe(false);
  expect(await isAlive({}, withProcess(null), 'EPERM')).toBe(true);
  expect(await isAlive({}, withProcess(null), null)).toBe(true);
});

test.each([
  ['S', '777', true],
  ['R', '777', true],
  // It has ended, and its parent has not asked for it yet.
  ['Z', '777', false],
  // Another process has its number by now.
  ['S', '778', false],
])('LF2: a process in state %s that started at %s is the owner: %s', async (state, startTime, alive) => {
  expect(await isAlive({}, withProcess(toStat(state, startTime)), null)).toBe(alive);
  expect(await isAlive({ startTime: null }, withProcess(toStat(state, startTime)), null)).toBe(state !== 'Z');
});

test('LF1: an owner with a socket is dead where its socket is ours, whatever its process says', async () => {
  const running = withProcess(toStat('S', '777'));
  expect(await isAlive({ hasSocket: true }, running, null, true)).toBe(false);
  expect(await isAlive({ hasSocket: true }, running, null, false)).toBe(true);
  expect(await isAlive({ hasSocket: false }, running, null, true)).toBe(true);
});
