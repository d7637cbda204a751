/** What the parts of a start cost alone, on the same data: the floors beside which starts stand. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';

function time(work: () => void): number {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
}

/** Of five, the median: the first one warms up. */
function floor(work: () => void): number {
  return Array.from({ length: 5 }, () => time(work)).sort((a, b) => a - b)[2]!;
}

/** `node` that does nothing, and `node` that loads a module. */
export function measureNode(code: string): number {
  return floor(() => spawnSync(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' }));
}

export function measureJournal(workflowsDir: string): { name: string; ms: number }[] {
  const dir = path.join(workflowsDir, '.engine', 'journal');
  const read = () => fs.readdirSync(dir).map((name) => fs.readFileSync(path.join(dir, name)));
  const bytes = read();
  const payloads = bytes.flatMap((segment) =>
    segment
      .toString()
      .split('\n')
      .slice(1, -1)
      .map((line) => line.slice(53))
      .filter((json) => json !== ''),
  );
  const rewrite = () => {
    const file = path.join(dir, 'floor');
    const fd = fs.openSync(file, 'wx');
    for (const segment of bytes) fs.writeSync(fd, segment);
    fs.fdatasyncSync(fd);
    fs.closeSync(fd);
    fs.unlinkSync(file);
  };
  return [
    { name: 'read the journal, CRC-32', ms: floor(() => read().map((segment) => crc32(segment))) },
    { name: 'JSON.parse of its records', ms: floor(() => payloads.map((json) => JSON.parse(json))) },
    { name: 'write it anew, fdatasync', ms: floor(rewrite) },
  ];
}

export function measureStates(workflowsDir: string): { name: string; ms: number }[] {
  const files = fs
    .readdirSync(workflowsDir)
    .filter((name) => name !== '.engine')
    .map((name) => path.join(workflowsDir, name, 'state.json'));
  const bytes = files.map((file) => fs.readFileSync(file));
  const digest = (buffer: Buffer) => createHash('sha256').update(buffer).digest('hex');
  const replace = () => {
    for (const [i, file] of files.entries()) {
      fs.writeFileSync(`${file}.floor`, bytes[i]!);
      fs.renameSync(`${file}.floor`, file);
    }
  };
  return [
    { name: 'read every state.json, SHA-256', ms: floor(() => files.map((file) => digest(fs.readFileSync(file)))) },
    { name: 'replace every state.json', ms: floor(replace) },
  ];
}

export function measureFinished(workflowsDir: string): { name: string; ms: number }[] {
  const file = path.join(workflowsDir, '.engine', 'finished.jsonl');
  const parse = () => {
    for (const line of fs.readFileSync(file, 'utf8').split('\n')) if (line !== '') JSON.parse(line.slice(9));
  };
  return [
    { name: 'list the directories', ms: floor(() => fs.readdirSync(workflowsDir, { withFileTypes: true })) },
    { name: 'read the index, CRC-32', ms: floor(() => crc32(fs.readFileSync(file))) },
    { name: 'read the index, JSON.parse', ms: floor(parse) },
  ];
}
