/**
 * Writes the golden data of a format: `npx tsx test/golden/write.ts <dist> <format>`, with the build of the release that
 * the data shall come from. See README.md.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { StandIn } from '../stand-in/stand-in.ts';
import { hasPause, pauseMs } from './flow-scenario.ts';
import { Life } from './life.ts';
import { Models } from './models.ts';
import { copyImage, type Found, type Image, readFound, readImage } from './reading.ts';
import { Scenario } from './scenario.ts';

const [dist, format] = process.argv.slice(2);
if (dist === undefined || !/^[1-9]\d*$/.test(format ?? '')) {
  throw new Error('usage: npx tsx test/golden/write.ts <directory of a build> <number of its format>');
}
const command = path.resolve(dist, 'cli.js');
const target = fileURLToPath(new URL(`format-${format}`, import.meta.url));
if (existsSync(target)) throw new Error(`${target} exists: golden data is written once and never changed`);
/** The images of one history. With a restart in its middle there is a checkpoint, and an image of the clean stop. */
async function writeHistory({ hasRestart }: { hasRestart: boolean }): Promise<void> {
  const place = realpathSync(mkdtempSync(path.join(tmpdir(), 'hybrid-write-')));
  const models = new Models({ isReader: false });
  const standIn = await StandIn.start({ behaviour: (call) => models.answer(call) });
  const begin = () => Life.start({ command, place, standIn, maxParallelNodes: Scenario.slots });
  let life = await begin();
  try {
    const scenario = new Scenario(life, models, standIn.baseUrl);
    await scenario.firstHalf();
    if (hasRestart) {
      await life.stop();
      exchangeFiles(path.join(place, 'workflows'), scenario.ids);
      life = await begin();
      const told = await readFound(scenario, life);
      await life.stop();
      await keep('stopped', place, toImage(scenario, 0), told);
      life = await begin();
      scenario.life = life;
    }
    await scenario.secondHalf();
    if (hasRestart) {
      // Killed twice: the journal says of the steps in flight that they were recovered once.
      await life.kill();
      life = await begin();
      scenario.life = life;
      await scenario.untilSlotsAreTaken();
    }
    const told = await readFound(scenario, life);
    if (!hasPause(told)) throw new Error('the loop with a pause is no longer between two rounds');
    await life.kill();
    // A reader finds that pause over, whenever it reads.
    await sleep(pauseMs);
    await keep(
      hasRestart ? 'with-checkpoint' : 'without-checkpoint',
      place,
      toImage(scenario, Scenario.heldAtEnd),
      told,
    );
  } finally {
    await life.kill();
    await standIn.close();
    rmSync(place, { recursive: true, force: true });
  }
}

/** Between two lives: one file becomes unreadable, one is edited, and one of another machine is put beside them. */
function exchangeFiles(workflows: string, ids: Image['ids']): void {
  writeFileSync(path.join(workflows, ids['set aside'] ?? '', 'state.json'), 'not JSON');
  const edited = path.join(workflows, ids['edited by hand'] ?? '', 'state.json');
  writeFileSync(edited, readFileSync(edited, 'utf8').replace('"description": ""', '"description": "edited"'));
  const id = '0190a1b2-0000-7000-8000-000000000001';
  const steps = [
    { id: 'a', action: 'noop', status: 'COMPLETED', outputs: { content: 'made elsewhere' } },
    { id: 'in', action: 'external_data', status: 'PENDING', dependencies: ['a'] },
  ];
  mkdirSync(path.join(workflows, id));
  writeFileSync(path.join(workflows, id, 'state.json'), JSON.stringify({ id, name: 'copied in', steps }));
  ids['copied in'] = id;
}

function toImage({ ids, keyed, cached, decisions, farOff }: Scenario, held: number): Image {
  return { ids: { ...ids }, held, keyed: [...keyed], cached, decisions: [...decisions], farOff, isAtRest: held === 0 };
}

/** Copies the image to its place, and writes down beside it what clients had been told and what this engine finds in it. */
async function keep(name: string, place: string, image: Image, told: Found): Promise<void> {
  const directory = path.join(target, name);
  mkdirSync(directory, { recursive: true });
  copyImage(place, directory);
  // Copies of what was set aside: for people, with paths of this machine in them, and read by no start.
  rmSync(path.join(directory, 'workflows', '.engine', 'quarantine'), { recursive: true, force: true });
  const { found, outlines, summaries, restarted: _final, ...reading } = await readImage(image, directory, command);
  const still = Object.keys(found).filter((each) => isDeepStrictEqual(found[each], told[each]));
  const moving = Object.keys(found).filter((each) => !still.includes(each));
  for (const each of moving) {
    const status = told[each]?.workflow?.status;
    if (status !== 'RUNNING' && status !== 'PENDING')
      throw new Error(`${name}: "${each}" was ${status}, and this engine finds it changed`);
  }
  for (const [n, { key, status, answer }] of image.keyed.entries()) {
    const replay = reading.replays[n];
    if (replay?.status === status && isDeepStrictEqual(replay.answer, answer)) continue;
    throw new Error(`${name}: the call with the key "${key}" is not answered as it was: ${replay?.status}`);
  }
  const only = <T>(names: string[], all: Record<string, T>) =>
    Object.fromEntries(names.flatMap((each) => (each in all ? [[each, all[each]]] : [])));
  const expected = {
    image,
    found: only(still, found),
    summaries: only(still, summaries),
    outlines: only(moving, outlines),
    ...reading,
  };
  writeFileSync(path.join(directory, 'expected.json'), toText(expected));
  console.log(`${name}: ${still.length} workflows as they were, going on: ${moving.join(', ') || 'none'}`);
}

/** A line for each field of a field: short, and still to be read. */
function toText(value: Record<string, unknown>): string {
  const fields = Object.entries(value).map(([name, field]) => {
    if (typeof field !== 'object' || field === null || Array.isArray(field))
      return `"${name}": ${JSON.stringify(field)}`;
    const lines = Object.entries(field).map(([key, each]) => `${JSON.stringify(key)}: ${JSON.stringify(each)}`);
    return `"${name}": {\n${lines.join(',\n')}\n}`;
  });
  return `{\n${fields.join(',\n')}\n}\n`;
}

/** Nothing of the machine that writes may get into the files. */
function checkPrivacy(): void {
  const words = [tmpdir(), homedir(), hostname(), process.cwd(), command];
  for (const entry of readdirSync(target, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const text = readFileSync(file, 'latin1');
    for (const word of words) if (text.includes(word)) throw new Error(`${file} holds "${word}"`);
  }
}

await writeHistory({ hasRestart: true });
await writeHistory({ hasRestart: false });
checkPrivacy();
