/**
 * Goal: data of every released format is read by the engine of today, to the last digit. Method: each image below
 * `format-1`, … was written and then read by the engine of its own release, which wrote down what it found (`expected.json`); today's
 * engine reads a copy of the same image by the same calls and must find the same.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCli } from '../cli/cli-process.ts';
import { emitted } from '../fixtures/emitted.ts';
import { type Digest, type Image, listImages, type Reading, readImage } from './reading.ts';

const golden = fileURLToPath(new URL('.', import.meta.url));
const blobBytesMin = 64 * 1024;

interface Expected extends Omit<Reading, 'restarted'> {
  image: Image;
}

function readExpected(name: string): Expected {
  return JSON.parse(readFileSync(path.join(golden, name, 'expected.json'), 'utf8')) as Expected;
}

const images = listImages(golden);

describe.each(images)('the image %s', (name) => {
  const directory = path.join(golden, name);
  const { image, ...expected } = readExpected(name);

  test('is read as the engine that wrote it reads it, goes on where it was cut off, and stays so', {
    timeout: 240_000,
  }, async () => {
    const reading = await readImage(image, directory, emitted('src/cli/cli.ts'));
    expect(reading).toMatchObject(expected);
    expect(Object.keys(reading.found)).toEqual(Object.keys(image.ids));
    expect(reading.restarted).toEqual(reading.final);
  });

  test('answers every call that had an Idempotency-Key as it was answered the first time', () => {
    expect(image.keyed.length).toBeGreaterThan(0);
    expect(expected.replays).toMatchObject(image.keyed.map(({ key, status, answer }) => ({ key, status, answer })));
  });

  test('is sound to doctor, but for what was set aside', async () => {
    const place = realpathSync(mkdtempSync(path.join(tmpdir(), 'hybrid-golden-')));
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
    cpSync(directory, place, { recursive: true });
    const { stdout } = await runCli(['doctor', '--data', place], { cwd: place });
    const problems = stdout.split('\n').filter((line) => line.startsWith('problem: '));
    const isSetAside = (workflow: string) => expected.found[workflow]?.status === 410;
    const setAside = Object.keys(image.ids).filter(isSetAside);
    expect(problems).toEqual(
      setAside.map((workflow) => expect.stringContaining(`workflow ${image.ids[workflow]} is set aside`)),
    );
    expect(stdout).toMatch(setAside.length > 0 ? /1 problem/ : /^sound$/m);
  });
});

test.each(['format-1', 'format-2'])('%s holds a workflow of each kind, with and without a checkpoint', (format) => {
  const of = (image: string) => readExpected(`${format}/${image}`);
  const statusesOf = ({ found, outlines }: Expected) => [
    ...Object.values(found).map(({ status, workflow }) => workflow?.status ?? status),
    ...Object.values(outlines).map(({ status }) => status),
  ];
  for (const name of ['with-checkpoint', 'without-checkpoint']) {
    const expected = of(name);
    expect(new Set(statusesOf(expected))).toEqual(
      new Set(['COMPLETED', 'FAILED', 'STOPPED', 'WAITING_FOR_DEPENDENCY', 'RUNNING', 404, ...aside(name)]),
    );
    const steps = Object.values(expected.final).flatMap(({ steps }) => Object.values(steps));
    expect(steps.filter(({ outputs }) => isBlob(outputs)).length).toBeGreaterThan(1);
    expect(steps.some(({ requeued }) => requeued > 0)).toBe(true);
    expect(expected.found.paused?.workflow).toMatchObject({ status: 'WAITING_FOR_DEPENDENCY', budget: { calls: 1 } });
    expect(expected.costs.workflow).toMatchObject({ total: { cost_is_floor: true } });
    const engineDir = path.join(golden, format, name, 'workflows/.engine');
    expect(existsSync(path.join(engineDir, 'checkpoint.json'))).toBe(name === 'with-checkpoint');
    if (name === 'with-checkpoint') expect(readdirSync(path.join(engineDir, 'journal'))).toHaveLength(2);
  }
});

test.each(['with-checkpoint', 'without-checkpoint'])('format 2 holds maps and loops in mid-way (%s)', (image) => {
  const { found, outlines, final } = readExpected(`format-2/${image}`);
  const shown = (name: string) =>
    Object.fromEntries(Object.entries(outlines[name]?.steps ?? {}).map(([id, { status }]) => [id, status]));
  expect(shown('map in mid-way')).toMatchObject({
    map: 'WAITING_FOR_DEPENDENCY',
    'map.0.b': 'COMPLETED',
    'map.1.a': 'RUNNING',
    'map.2.b': 'COMPLETED',
    'map.3.a': 'RUNNING',
    'map.4.a': 'WAITING_FOR_DEPENDENCY',
  });
  expect(shown('nested map in mid-way')).toMatchObject({
    outer: 'WAITING_FOR_DEPENDENCY',
    'outer.0.inner.0': 'COMPLETED',
    'outer.0.inner.1': 'RUNNING',
  });
  // Between two rounds when the engine was killed, in the second one when it has started again.
  for (const name of ['loop in mid-way', 'loop in its pause'])
    expect(shown(name)).toMatchObject({ 'loop.0.w': 'COMPLETED', 'loop.0.h': 'COMPLETED', 'loop.1.h': 'RUNNING' });
  const steps = (name: string) => final[name]?.steps ?? {};
  expect(steps('flow')).toMatchObject({
    map: { count: 3 },
    loop: { count: 3 },
    empty: { count: 0 },
    skipped: { outcome: 'skipped' },
    tolerated: { outcome: 'tolerated', error: expect.any(String) },
    'some.1': { outcome: 'tolerated' },
    'outer.1.inner.1': { status: 'COMPLETED' },
    last: { status: 'COMPLETED' },
  });
  expect(steps('branch of a flow, later')).toMatchObject({
    loop: { count: 3 },
    'map.2.place': { status: 'COMPLETED' },
  });
  expect(steps('failed group')).toMatchObject({ group: { status: 'FAILED' }, handler: { status: 'COMPLETED' } });
  expect(steps('not done')).toMatchObject({ loop: { status: 'FAILED', count: 2 } });
  expect(steps('expired')).toMatchObject({ yes: { outcome: 'skipped' }, no: { outcome: null } });
  expect(found['waits for a decision']?.workflow?.status).toBe('WAITING_FOR_DEPENDENCY');
  const ended = ['map in mid-way', 'nested map in mid-way', 'loop in mid-way', 'loop in its pause'];
  for (const name of [...ended, 'waits for a decision', 'failed group, later retried'])
    expect(final[name]?.status).toBe('COMPLETED');
  expect(final['far off']?.status).toBe('RUNNING');
});

/** Only between two lives can a file be exchanged. */
function aside(name: string): number[] {
  return name === 'with-checkpoint' ? [410] : [];
}

function isBlob(outputs: Digest | null): boolean {
  return outputs !== null && outputs.bytes > blobBytesMin;
}
