/**
 * Goal: a start that meets many state files that are behind does not wait for all of them, and what a person could not
 * read, or what only the journal knows, stands on the disk before the engine takes work. Method: state files as they
 * were before the last event, put back into an image of the directory.
 */
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { crash, end, live, restart } from './restarts.ts';

const waiting = {
  name: 'waits',
  steps: [
    { id: 'a', action: 'external_data' },
    { id: 'b', action: 'external_data' },
  ],
};

/** Each has its first step's data in the journal; its file does not. */
async function leaveBehind(count: number) {
  const life = await live();
  const ids: string[] = [];
  for (let i = 0; i < count; i += 1) ids.push((await life.engine.submit(waiting)).id);
  const before = new Map(ids.map((id) => [id, life.dir.stateText(id)]));
  for (const id of ids) await life.engine.externalData(id, { step_id: 'a', content: 'x' });
  const image = crash(life.dir, (dir) => {
    for (const [id, text] of before) fs.writeFileSync(dir.stateFile(id), text);
  });
  await end(life);
  return { image, ids };
}

const isCurrent = (dir: { state(id: string): { steps: { status: string }[] } }, id: string) =>
  dir.state(id).steps[0]?.status === 'COMPLETED';

test('of many files that are behind some are brought up to date first, and all of them soon after', async () => {
  const { image, ids } = await leaveBehind(60);
  const { dir, engine } = await restart(image);
  const current = ids.filter((id) => isCurrent(dir, id)).length;
  expect(current).toBeGreaterThanOrEqual(32);
  expect(current).toBeLessThan(60);
  const last = ids.findLast((id) => !isCurrent(dir, id))!;
  // What is answered comes from the journal, whatever the file says.
  expect((await engine.get(last)).workflow.steps[0]).toMatchObject({ status: 'COMPLETED', outputs: { content: 'x' } });
  await dir.untilState(last, (workflow) => workflow.steps[0]?.status === 'COMPLETED');
  await engine.close();
  expect(ids.filter((id) => !isCurrent(dir, id))).toEqual([]);
});

test('files that are damaged or gone are made anew before the engine takes work, however many are behind', async () => {
  const { image, ids } = await leaveBehind(40);
  const [gone, damaged] = ids.slice(-2) as [string, string];
  const { dir } = await restart(image, (next) => {
    fs.rmSync(next.stateFile(gone));
    fs.truncateSync(next.stateFile(damaged), 100);
  });
  expect([isCurrent(dir, gone), isCurrent(dir, damaged)]).toEqual([true, true]);
});
