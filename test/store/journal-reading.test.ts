// Goal: J2 and J3. Method: a journal written by the store is cut, flipped, mixed and thinned out, then read; a memory disk
// makes tens of thousands of cases cheap.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createNodeDisk, type Disk } from '../../src/store/disk.ts';
import { type JournalContext, type JournalReading, readJournal } from '../../src/store/journal-reading.ts';
import { encodeSegmentHeader } from '../../src/store/segment-header.ts';
import { createDataDir, type DataDir, emptyManifest, listQuarantine, open, segmentPath } from './data-dir.ts';

const nothingKnown: JournalContext = { covered: null, coverLost: false, seqKnown: 0 };

function memoryDisk(files: Record<string, Buffer>): Disk {
  return {
    ...createNodeDisk(),
    lstatSync: () => ({ kind: 'directory', bytes: 0, dev: '0', ino: '0', writtenAt: 0 }),
    readDirectorySync: () => Object.keys(files).map((name) => ({ name, kind: 'file' })),
    readFileSync: (file) => files[path.basename(file)] ?? Buffer.alloc(0),
  };
}

function read(files: Record<string, Buffer>, context = nothingKnown): JournalReading {
  return readJournal(memoryDisk(files), '/journal', context);
}

function kinds(reading: JournalReading): string[] {
  return reading.findings.map((finding) => finding.notice.kind);
}

function texts(reading: JournalReading): string {
  return reading.findings.map((finding) => finding.notice.message).join('\n');
}

async function write(dir: DataDir, batches: string[][]): Promise<Record<string, Buffer>> {
  const store = await open(dir);
  store.begin([]);
  for (const batch of batches) store.append(batch);
  await store.close();
  return files(dir);
}

function files(dir: DataDir): Record<string, Buffer> {
  const names = fs.readdirSync(dir.journalDir);
  return Object.fromEntries(names.map((name) => [name, fs.readFileSync(path.join(dir.journalDir, name))]));
}

const batches = [['"a1"'], ['"b1"', '"b2 é"'], ['"c1"', '"c2"', '"c3"'], ['"d1"', '"d2"']];
const payloads = batches.flat();

test('J2: a journal cut at any byte of its last two batches is a prefix, and what is dropped is reported', async () => {
  const whole = (await write(createDataDir(), batches))['000001.hj'] as Buffer;
  const lastTwo = whole.indexOf('"c1"') - 53;
  const isBoundary = (length: number) => whole[length - 1] === 0x0a;
  const lengthsSeen = new Set<number>();
  for (let length = lastTwo; length <= whole.length; length += 1) {
    const reading = read({ '000001.hj': whole.subarray(0, length) });
    const found = reading.records.map((record) => record.json);
    expect(found).toEqual(payloads.slice(0, found.length));
    expect(reading.damaged).toBe(false);
    expect(kinds(reading)).toEqual(isBoundary(length) ? [] : ['tail']);
    expect(reading.lastSeq).toBe(found.length);
    lengthsSeen.add(found.length);
  }
  expect([...lengthsSeen]).toEqual([3, 4, 5, 6, 7, 8]);
});

test('J2: zeros or noise behind the last batch are a torn tail', async () => {
  const whole = (await write(createDataDir(), batches))['000001.hj'] as Buffer;
  for (const count of [1, 2, 53, 54, 512, 4096]) {
    for (const byte of [0, 0x0a, 0x48, 0xff]) {
      const reading = read({ '000001.hj': Buffer.concat([whole, Buffer.alloc(count, byte)]) });
      expect(reading.records.map((record) => record.json)).toEqual(payloads);
      expect(kinds(reading)).toEqual(['tail']);
    }
  }
});

test('J2: the last batch with its first sector lost and its second kept is a torn tail', async () => {
  const whole = Buffer.from((await write(createDataDir(), batches))['000001.hj'] as Buffer);
  whole.fill(0, whole.indexOf('"d1"') - 53, whole.indexOf('"d1"') + 3);
  const reading = read({ '000001.hj': whole });
  expect(reading.records.map((record) => record.json)).toEqual(payloads.slice(0, 6));
  expect(kinds(reading)).toEqual(['tail']);
  expect(reading.damaged).toBe(false);
});

test('J3: no single flipped bit makes a silent difference, and only the last batch can pass for a torn tail', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin(['"begun"']);
  for (const batch of batches) store.append(batch);
  store.append(['"last"']);
  await store.close();
  const all = ['"begun"', ...payloads, '"last"'];
  const whole = files(dir)['000001.hj'] as Buffer;
  const lastBatchAt = whole.length - 53 - 7;
  let damages = 0;
  let tails = 0;
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const flipped = Buffer.from(whole);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const reading = read({ '000001.hj': flipped });
    const found = reading.records.map((record) => record.json);
    expect(found).toEqual(all.slice(0, found.length));
    expect(found.length).toBeLessThan(all.length);
    if (reading.damaged) {
      damages += 1;
      expect(kinds(reading)).toEqual(['damage']);
      // No number that was given to a lost event is given again.
      expect(reading.lastSeq).toBeGreaterThanOrEqual(all.length - 1);
    } else {
      tails += 1;
      expect(kinds(reading)).toEqual(['tail']);
      expect(bit >> 3).toBeGreaterThanOrEqual(lastBatchAt);
    }
  }
  expect(damages).toBeGreaterThan(0);
  expect(tails).toBeGreaterThan(0);
});

test('J3: a marker behind the last batch turns damage to it from a torn tail into damage', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin([]);
  store.append(['"only"']);
  store.append([]);
  await store.close();
  const whole = Buffer.from(files(dir)['000001.hj'] as Buffer);
  whole[whole.indexOf('only')] = 0x4f;
  const reading = read({ '000001.hj': whole });
  expect(reading.damaged).toBe(true);
  expect(kinds(reading)).toEqual(['damage']);
  expect(reading.lastSeq).toBe(1);
});

test('J3: damage in an earlier segment is reported with its offset, and the segments behind it are still read', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin([]);
  store.append(['1', '2']);
  store.append(['3']);
  store.cut();
  store.append(['4']);
  await store.close();
  const found = files(dir);
  const first = found['000001.hj'] as Buffer;
  const at = first.indexOf('HJ1 0000000002');
  first[at + 54 - 1] = 0x39;
  const reading = read(found);
  expect(reading.records.map((record) => record.seq)).toEqual([1, 4]);
  expect(reading.damaged).toBe(true);
  expect(reading.findings.map((finding) => finding.notice.message)).toEqual([
    `journal/000001.hj: bad record at offset ${at}; events 2 to 3 are unreadable; acknowledged data is missing`,
  ]);
  expect(reading.findings[0]?.keep?.bytes.equals(first)).toBe(true);
  expect(reading.lastSeq).toBe(4);
});

test('J3: what the manifest covers is no loss, but is reported', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin([]);
  store.append(['1', '2']);
  store.append(['3']);
  store.cut();
  store.append(['4']);
  await store.close();
  const found = files(dir);
  const first = found['000001.hj'] as Buffer;
  first[first.indexOf('HJ1 0000000002') + 53] = 0x39;
  const reading = read(found, { covered: { seq: 3, segment: 2 }, coverLost: false, seqKnown: 0 });
  expect(reading.damaged).toBe(false);
  expect(kinds(reading)).toEqual(['damage']);
  expect(texts(reading)).toContain('nothing is lost');
  expect(reading.records.map((record) => record.seq)).toEqual([1, 4]);
  expect(reading.secondChances).toBe(1);
});

async function threeSegments(): Promise<Record<string, Buffer>> {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin(['1']);
  for (const json of ['2', '3']) {
    store.cut();
    store.append([json]);
  }
  await store.close();
  return files(dir);
}

test('a missing segment in the middle is damage', async () => {
  const { '000002.hj': _missing, ...found } = await threeSegments();
  const reading = read(found);
  expect(reading.damaged).toBe(true);
  expect(texts(reading)).toBe('event 2 is missing before journal/000003.hj');
  expect(reading.records.map((record) => record.seq)).toEqual([1, 3]);
});

test('a missing first segment is damage, unless the manifest covers it or the manifest itself is lost', async () => {
  const { '000001.hj': _missing, ...found } = await threeSegments();
  expect(read(found).damaged).toBe(true);
  const covered = read(found, { covered: { seq: 1, segment: 2 }, coverLost: false, seqKnown: 0 });
  expect(covered.damaged).toBe(false);
  expect(covered.findings).toEqual([]);
  expect(read(found, { covered: null, coverLost: true, seqKnown: 0 }).damaged).toBe(false);
});

test('a truncation that a power cut has undone in part leaves any of its segments, and no news', async () => {
  const { '000002.hj': _gone, ...found } = await threeSegments();
  const needed = encodeSegmentHeader({ number: 4, after: 3, batch: 5, begins: false, damaged: false }).bytes;
  const reading = read(
    { ...found, '000004.hj': needed },
    { covered: { seq: 3, segment: 4 }, coverLost: false, seqKnown: 0 },
  );
  expect(reading.findings).toEqual([]);
  expect(reading.damaged).toBe(false);
});

test('a segment that the manifest needs and that is gone is damage', () => {
  const reading = read({}, { covered: { seq: 9, segment: 4 }, coverLost: false, seqKnown: 0 });
  expect(reading.damaged).toBe(true);
  expect(texts(reading)).toContain('journal/000004.hj');
  expect(reading.lastSeq).toBe(9);
});

test('the number of a segment that the manifest needs and that is gone is not given again', () => {
  const covered = { seq: 7, segment: 3 };
  const numberBehind = (...names: string[]) =>
    read(Object.fromEntries(names.map((name) => [name, Buffer.alloc(0)])), { ...nothingKnown, covered }).lastNumber;
  expect(numberBehind()).toBe(3);
  expect(numberBehind('000002.hj')).toBe(3);
  expect(numberBehind('000004.hj')).toBe(4);
});

test('an event that another file names and the journal does not hold is damage, and its number stays used', async () => {
  const reading = read(await threeSegments(), { ...nothingKnown, seqKnown: 7 });
  expect(reading.damaged).toBe(true);
  expect(reading.lastSeq).toBe(7);
});

test('files that are no segments, and copies of segments under other names, are reported and left alone', async () => {
  const dir = createDataDir();
  await write(dir, [['1']]);
  fs.copyFileSync(segmentPath(dir, 1), segmentPath(dir, 9));
  fs.writeFileSync(path.join(dir.journalDir, '.DS_Store'), 'x');
  fs.writeFileSync(path.join(dir.journalDir, '000001.hj~'), 'x');
  fs.mkdirSync(path.join(dir.journalDir, '000007.hj'));
  const store = await open(dir);
  expect(store.found.records).toEqual([{ seq: 1, json: '1' }]);
  expect(store.found.damaged).toBe(false);
  expect(store.found.notices.map((notice) => notice.kind)).toEqual(['info', 'info', 'info', 'info']);
  store.begin([]);
  expect(fs.readdirSync(dir.journalDir).sort()).toEqual([
    '.DS_Store',
    '000001.hj~',
    '000007.hj',
    '000009.hj',
    '000010.hj',
  ]);
});

test('a segment whose header was not written to its end holds nothing and hinders nothing', async () => {
  const found = await threeSegments();
  const header = (found['000003.hj'] as Buffer).subarray(0, 53);
  for (let length = 0; length < header.length; length += 1) {
    const reading = read({ ...found, '000004.hj': header.subarray(0, length) });
    expect(reading.damaged).toBe(false);
    expect(reading.records.length).toBe(3);
    expect(kinds(reading)).toEqual([length === 0 ? 'info' : 'tail']);
    expect(reading.lastNumber).toBe(4);
  }
});

test('what a crash inside begin left behind is read once', async () => {
  const dir = createDataDir();
  await write(dir, [['1'], ['2', '3']]);
  const before = files(dir);
  const store = await open(dir);
  store.begin(['4']);
  await store.close();
  const begun = files(dir)['000002.hj'] as Buffer;
  const sealAt = begun.length - 54;
  for (let length = 0; length <= begun.length; length += 1) {
    const reading = read({ ...before, '000002.hj': begun.subarray(0, length) });
    const found = reading.records.map((record) => record.json);
    expect(found).toEqual(['1', '2', '3', '4'].slice(0, found.length));
    expect(found.length).toBeGreaterThanOrEqual(length >= sealAt ? 4 : 3);
    expect(reading.damaged).toBe(false);
  }
});

test('once the marker of a begun segment stands, any subset of the old ones may still be there', async () => {
  const dir = createDataDir();
  const first = await open(dir);
  first.begin(['1']);
  first.cut();
  first.append(['2']);
  await first.close();
  const old = files(dir);
  const second = await open(dir);
  second.begin(['3']);
  await second.close();
  const begun = files(dir);
  for (const names of [[], ['000001.hj'], ['000002.hj'], ['000001.hj', '000002.hj']]) {
    const reading = read({ ...Object.fromEntries(names.map((name) => [name, old[name] as Buffer])), ...begun });
    expect(reading.records.map((record) => record.json)).toEqual(['1', '2', '3']);
    expect(reading.damaged).toBe(false);
    expect(reading.findings).toEqual([]);
  }
});

test('damage stays known through begin until a manifest covers it', async () => {
  const dir = createDataDir();
  await write(dir, [['1'], ['2'], ['3']]);
  const bytes = fs.readFileSync(segmentPath(dir, 1));
  bytes[bytes.indexOf('HJ1 0000000002') + 53] = 0x39;
  fs.writeFileSync(segmentPath(dir, 1), bytes);

  const second = await open(dir);
  expect(second.found.damaged).toBe(true);
  expect(second.found.records).toEqual([{ seq: 1, json: '1' }]);
  expect(second.nextSeq).toBe(4);
  second.begin(['"after"']);
  await second.close();

  const third = await open(dir);
  expect(third.found.damaged).toBe(true);
  expect(third.found.records).toEqual([
    { seq: 1, json: '1' },
    { seq: 4, json: '"after"' },
  ]);
  third.begin([]);
  const segment = third.cut();
  await third.checkpoint({ ...emptyManifest, seq: 4, segment });
  await third.close();
  expect((await open(dir)).found.damaged).toBe(false);
});

test('a dropped tail and a damaged segment are kept in quarantine, once, however often the start is repeated', async () => {
  const dir = createDataDir();
  await write(dir, [['1'], ['2']]);
  fs.appendFileSync(segmentPath(dir, 1), 'HJ1 half a rec');
  for (let start = 1; start <= 3; start += 1) {
    const store = await open(dir);
    expect(store.found.notices).toHaveLength(1);
    expect(store.found.notices[0]?.message).toContain(dir.quarantineDir);
    await store.close();
  }
  const kept = listQuarantine(dir);
  expect(kept).toHaveLength(1);
  const entry = path.join(dir.quarantineDir, String(kept[0]));
  expect(fs.readFileSync(path.join(entry, '000001.hj-tail'), 'utf8')).toBe('HJ1 half a rec');
  expect(JSON.parse(fs.readFileSync(path.join(entry, 'reason.json'), 'utf8')).reason).toContain('never acknowledged');
});

test('with a damaged manifest every segment on disk is read', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin(['1']);
  store.append(['2']);
  const segment = store.cut();
  store.append(['3']);
  await store.checkpoint({ ...emptyManifest, seq: 2, segment });
  await store.close();
  fs.appendFileSync(path.join(dir.engineDir, 'checkpoint.json'), ' ');
  for (let start = 1; start <= 2; start += 1) {
    const again = await open(dir);
    expect(again.found.manifest).toBeNull();
    expect(again.found.damaged).toBe(false);
    expect(again.found.records.map((record) => record.json)).toEqual(['1', '2', '3']);
    expect(again.found.notices.map((notice) => notice.kind)).toEqual(['damage']);
    await again.close();
  }
  expect(listQuarantine(dir)).toHaveLength(1);
});
