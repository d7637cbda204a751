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

test('format 1 holds a workflow of each kind, with and without a checkpoint', () => {
  const of = (image: string) => readExpected(`format-1/${image}`);
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
    const engineDir = path.join(golden, 'format-1', name, 'workflows/.engine');
    expect(existsSync(path.join(engineDir, 'checkpoint.json'))).toBe(name === 'with-checkpoint');
    if (name === 'with-checkpoint') expect(readdirSync(path.join(engineDir, 'journal'))).toHaveLength(2);
  }
});

/** Only between two lives can a file be exchanged. */
function aside(name: string): number[] {
  return name === 'with-checkpoint' ? [410] : [];
}

function isBlob(outputs: Digest | null): boolean {
  return outputs !== null && outputs.bytes > blobBytesMin;
}
