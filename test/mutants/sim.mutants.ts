/**
 * Bugs that only a history shows: what is not on the disk when the power goes, what a start forgets, what comes too early
 * or too late. Each is caught by the simulation within its first seeds.
 */
import type { Mutant } from './mutant.ts';

const test = 'test/sim/simulation-1.test.ts';

/** All are caught by these; a run ends with the first seed that fails. */
const env = { SIM_FROM: '1', SIM_SEEDS: '400' };

export const simMutants: Mutant[] = [
  {
    name: 'the journal is not synced',
    breaks: 'G1, J1',
    file: 'src/store/journal.ts',
    find: '        this.#disk.fdatasyncSync(segment.fd);',
    replace: '',
    test,
    env,
  },
  {
    name: 'the journal is synced with the next batch, after the answer',
    breaks: 'G1, K1',
    file: 'src/store/journal.ts',
    find: '    this.#write(segment, encoder.bytes, encoder.length, segment.bytes);\n    this.#sync(segment);\n    this.#guardSync(',
    replace:
      '    this.#sync(segment);\n    this.#write(segment, encoder.bytes, encoder.length, segment.bytes);\n    this.#guardSync(',
    test,
    env,
  },
  {
    name: 'the name of a new segment is not synced',
    breaks: 'G1, J1',
    file: 'src/store/journal.ts',
    find: '        syncFileSync(this.#disk, open, segmentPath);\n        syncDirectorySync(this.#disk, this.#directory);',
    replace: '        syncFileSync(this.#disk, open, segmentPath);',
    test,
    env,
  },
  {
    name: 'a checkpoint relies on views that are not synced',
    breaks: 'G1, C1',
    file: 'src/coordinator/files/checkpointing.ts',
    find: '    await store.syncStates(unsynced);\n',
    replace: '',
    test,
    env,
  },
  {
    name: 'a view that the journal no longer covers is replaced without a sync',
    breaks: 'G1, W3',
    file: 'src/coordinator/files/state-files.ts',
    find: 'const durable = live.firstSeq <= this.#coveredAfter;',
    replace: 'const durable = false;',
    test,
    env,
  },
  {
    name: 'the directories of views are not synced before the manifest',
    breaks: 'G1, C1',
    file: 'src/store/workflow-directories.ts',
    find: '    await syncDirectory(this.#disk, path.dirname(file));\n    await this.#syncName(id);',
    replace: '    await this.#syncName(id);',
    test,
    env,
  },
  {
    name: 'the manifest is not durable before the segments go',
    breaks: 'G1, C1',
    file: 'src/store/durable-file.ts',
    find: '  if (durable) await syncDirectory(disk, path.dirname(target));',
    replace: '',
    test,
    env,
  },
  {
    name: 'all old segments go before the manifest is written',
    breaks: 'G1, C1',
    file: 'src/store/store.ts',
    find: '    await writeCheckpoint(this.#disk, this.#layout.checkpointFile, manifest, this.#format);\n    this.#journal.removeBelow(manifest.segment);',
    replace:
      '    this.#journal.removeBelow(manifest.segment + 1);\n    await writeCheckpoint(this.#disk, this.#layout.checkpointFile, manifest, this.#format);',
    test,
    env,
  },
  {
    name: 'a result that comes too late is recorded',
    breaks: 'G2, G4, X3',
    file: 'src/core/decide.ts',
    find: "if (step?.status !== 'RUNNING' || step.attempt !== attempt) return null;",
    replace: "if (step === undefined || step.status === 'COMPLETED') return null;",
    test,
    env,
  },
  {
    name: 'an outcome that comes twice gives its slot back twice',
    breaks: 'MAX_PARALLEL_NODES, X3',
    file: 'src/coordinator/steps/flights.ts',
    find: "if (!flight || flight.phase === 'ended') continue;",
    replace: 'if (!flight) continue;',
    test,
    env,
  },
  {
    name: 'the next attempt does not wait for the end of the last',
    breaks: 'G5, X1',
    file: 'src/coordinator/steps/ready-steps.ts',
    find: 'if (this.#taken.has(key)) this.#held.set(key, ready);',
    replace: 'if (false) this.#held.set(key, ready);',
    test,
    env,
  },
  {
    name: 'jobs leave before their start is durable',
    breaks: 'G15, K1, X1',
    file: 'src/coordinator/turns.ts',
    find: '      if (batch.payloads.length > 0) this.#commit(batch, parts);',
    replace:
      "      parts.perform(batch.effects.filter(({ kind }) => kind === 'dispatch'));\n      batch.effects = batch.effects.filter(({ kind }) => kind !== 'dispatch');\n      if (batch.payloads.length > 0) this.#commit(batch, parts);",
    test,
    env,
  },
  {
    name: 'events are published before they are durable',
    breaks: 'G3, K1',
    file: 'src/coordinator/turns.ts',
    find: '    try {\n      this.#options.store.append(batch.payloads);',
    replace:
      '    for (const done of batch.after.splice(0)) done();\n    try {\n      this.#options.store.append(batch.payloads);',
    test,
    env,
  },
  {
    name: 'external data is in memory before it is recorded',
    breaks: 'G1, G3',
    file: 'src/coordinator/calls/change.ts',
    find: '        const kept = await outputs.toOutputs(id, args.outputsJson);',
    replace:
      "        const kept = await outputs.toOutputs(id, args.outputsJson);\n        const at = live.state.index.get(stepId ?? '');\n        if (at !== undefined) live.state.setStep(at, { outputs: kept });",
    test,
    env,
  },
  {
    name: 'recovery runs completed steps again',
    breaks: 'G2, G4',
    file: 'src/core/recover-steps.ts',
    find: "    if (step.status !== 'RUNNING' && step.status !== 'PENDING') return;\n    const wasRunning",
    replace:
      "    if (step.status !== 'RUNNING' && step.status !== 'PENDING' && step.status !== 'COMPLETED') return;\n    const wasRunning",
    test,
    env,
  },
  {
    name: 'recovery forgets retries',
    breaks: 'G2, R1',
    file: 'src/coordinator/recovery/recovery.ts',
    find: '      if (event.workflowId === state.header.id) {\n        this.#batch.publish',
    replace:
      "      if (event.kind !== 'step.retrying' && event.workflowId === state.header.id) {\n        this.#batch.publish",
    test,
    env,
  },
  {
    name: 'the keys of finished workflows are forgotten',
    breaks: 'G1, K2',
    file: 'src/coordinator/workflows.ts',
    find: '    const keys = header.keys.map((record) => record.key);',
    replace: '    const keys: string[] = [];',
    test,
    env,
  },
  {
    name: 'deaths are not counted',
    breaks: 'G15',
    file: 'src/core/recover-steps.ts',
    find: 'deaths: wasRunning && event.unclean ? step.deaths + 1 : step.deaths,',
    replace: 'deaths: step.deaths,',
    test,
    env,
  },
  {
    name: 'a death right after a checkpoint passes for a stop in good order',
    breaks: 'G15',
    file: 'src/coordinator/recovery/recovery.ts',
    find: 'this.#isUnclean = manifest?.stopped !== true || store.nextSeq - 1 > manifest.seq;',
    replace: 'this.#isUnclean = store.nextSeq - 1 > (manifest?.seq ?? 0);',
    test,
    env,
  },
  {
    name: 'a wait for the next attempt follows the wall clock',
    breaks: 'G17',
    file: 'src/coordinator/steps/ready-steps.ts',
    find: 'const waitMs = Math.min(Math.max(step.dueAt - clock.now(), 0), step.delayMs);',
    replace: 'const waitMs = Math.max(step.dueAt - clock.now(), 0);',
    test,
    env,
  },
  {
    name: 'a recorded start is not dispatched when the batch also cancels',
    breaks: 'EF2',
    file: 'src/coordinator/effects.ts',
    find: '    if (of.dispatch.length > 0) flights.launch(',
    replace: '    if (of.dispatch.length > 0 && of.cancel.length === 0) flights.launch(',
    test,
    env,
  },
  {
    name: 'an abort cancels the attempt that the step stands at when the batch is durable',
    breaks: 'X3',
    file: 'src/coordinator/effects.ts',
    find: '    for (const { flight } of of.cancel) flights.cancel(flight);',
    replace:
      '    for (const { flight } of of.cancel) flights.cancel(flights.of(flight.workflowId, flight.stepId) ?? flight);',
    test: 'test/coordinator/effects.test.ts',
  },
  {
    name: 'effects of a batch that found no room are performed twice',
    breaks: 'EF2',
    file: 'src/coordinator/turns.ts',
    find: '    parts.perform(batch.effects);\n    this.#armMarker',
    replace:
      '    parts.perform(batch.effects);\n    if (batch.effects.length > 8) parts.perform(batch.effects);\n    this.#armMarker',
    test,
    env,
  },
];
