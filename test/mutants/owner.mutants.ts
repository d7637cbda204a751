/** Who owns a directory, what of others is in it, what a start makes of it, and what KEEP_FINISHED takes away. */
import type { Mutant } from './mutant.ts';

const lock = 'test/store/lock.test.ts';
const owned = 'test/disk/owned.test.ts';
const others = 'test/disk/other-user.test.ts';
const recovery = 'test/coordinator/recovery/recovery.test.ts';
const adoption = 'test/coordinator/recovery/adoption.test.ts';
const retention = 'test/coordinator/files/retention.test.ts';
const turns = 'test/coordinator/turns.test.ts';

const lockMutants: Mutant[] = [
  {
    name: 'a heartbeat that grows is not looked at',
    breaks: 'G13, LF2',
    file: 'src/store/lock-file.ts',
    find: 'later.beat !== owner.beat',
    replace: 'later.beat !== later.beat',
    test: lock,
    only: 'LF1, LF2: the owner',
  },
  {
    name: 'a lock file that another engine has written during the watch counts as dead',
    breaks: 'G13, LF2',
    file: 'src/store/lock-file.ts',
    find: 'later.nonce !== owner.nonce || ',
    replace: '',
    test: lock,
    only: 'LF2: a directory that another engine has taken',
  },
  {
    name: 'an owner beats into the lock file of its successor',
    breaks: 'G13, LF2',
    file: 'src/store/lock-file.ts',
    find: "    if (look(disk, lockFile, owner) !== 'ours') return;\n",
    replace: '',
    test: lock,
    only: 'LF2: an owner without a socket beats',
  },
  {
    name: 'an owner whose socket is free lives while its pid does',
    breaks: 'G13, LF1',
    file: 'src/store/lock-file.ts',
    find: 'if (owner.hasSocket === true && (socketIsOurs || isOtherBoot)) return false;',
    replace: 'if (owner.hasSocket === true && isOtherBoot) return false;',
    test: lock,
    only: 'LF1, LF2: the owner',
  },
  {
    name: 'an owner of another pid namespace is judged by its pid here',
    breaks: 'G13, LF2',
    file: 'src/store/lock-file.ts',
    find: 'if (isOtherBoot || isOtherNamespace) return',
    replace: 'if (isOtherBoot) return',
    test: lock,
    only: 'LF1, LF2: the owner',
  },
  {
    name: 'the lock file is not read again before a batch is acknowledged',
    breaks: 'G13, E6',
    file: 'src/store/store.ts',
    find: '    if (this.#lock.isFileOnly) this.#checkOwned();\n',
    replace: '',
    test: owned,
    only: 'where the lock file is all there is',
  },
  {
    name: 'a batch goes into a segment that no start reads',
    breaks: 'G1, J1',
    file: 'src/store/journal.ts',
    find: '    this.#guardSync(() => checkNamed(this.#disk, segment.path, segment.identity));\n',
    replace: '',
    test: owned,
    only: 'the next batch is not acknowledged',
  },
];

const foreignMutants: Mutant[] = [
  {
    name: 'a link called blobs is looked through at the start',
    breaks: 'FE1',
    file: 'src/store/store.ts',
    find: '      this.#foreign.setAsideBlobs(id);\n',
    replace: '',
    test: others,
    only: 'is set aside at the start',
  },
  {
    name: 'a file of another journal wins by its number',
    breaks: 'R1, R3',
    file: 'src/coordinator/recovery/recovery.ts',
    find: 'journal !== undefined && journal !== this.#store.journalId',
    replace: 'journal !== undefined && journal === null',
    test: adoption,
    only: 'an intact file whose number fits',
  },
  {
    name: "the engine's own file is not bounded",
    breaks: 'R6',
    file: 'src/coordinator/recovery/recovery.ts',
    find: 'if (excess !== null) throw new Error(',
    replace: "if (excess === '') throw new Error(",
    test: adoption,
    only: 'own file of a known workflow',
  },
];

const recoveryMutants: Mutant[] = [
  {
    name: 'what a workflow that is set aside has begun stays in the first batch',
    breaks: 'R6',
    file: 'src/coordinator/recovery/recovery.ts',
    find: '      this.#batch.undo(mark);\n',
    replace: '      void mark;\n',
    test: recovery,
    only: 'a recovery that fails half way',
  },
  {
    name: 'the log names a workflow as recovered that is set aside',
    breaks: 'R6',
    file: 'src/coordinator/recovery/recovery.ts',
    find: '      this.#result.requeued = this.#result.requeued.filter((one) => one.id !== id);\n',
    replace: '',
    test: recovery,
    only: 'a recovery that fails half way',
  },
  {
    name: 'the numbers of events that were taken back stay used',
    breaks: 'R5',
    file: 'src/coordinator/recovery/first-batch.ts',
    find: '    this.#seq = seq;\n',
    replace: '    void seq;\n',
    test: 'test/coordinator/recovery/first-batch.test.ts',
  },
  {
    name: 'events that were taken back are written',
    breaks: 'R5, R6',
    file: 'src/coordinator/recovery/first-batch.ts',
    find: '    this.payloads.length = payloads;\n',
    replace: '    void payloads;\n',
    test: 'test/coordinator/recovery/first-batch.test.ts',
  },
  {
    name: 'a failed disk counts as a fault of the file',
    breaks: 'R6',
    file: 'src/coordinator/recovery/recovery.ts',
    find: '      if (isOfDisk(error)) throw error;\n',
    replace: '',
    test: recovery,
    only: 'is no fault of a file',
  },
  {
    name: 'a disk that forbids a move counts as a fault of the file',
    breaks: 'R6, FE2',
    file: 'src/coordinator/recovery/recovery.ts',
    find: "return error instanceof Error && 'syscall' in error;",
    replace: 'return false;',
    test: recovery,
    only: 'is no fault of a file',
  },
  {
    name: 'a start forgets what a workflow had spent that was deleted since the checkpoint',
    breaks: 'M4',
    file: 'src/coordinator/recovery/recovery.ts',
    find: '      this.#workflows.keepSpent(id, last.event.spending ?? []);\n',
    replace: '',
    test: retention,
    only: 'what a removed workflow has cost stays',
  },
];

const roomMutants: Mutant[] = [
  {
    name: 'any disk has plenty of room',
    breaks: 'T4',
    file: 'src/coordinator/turns.ts',
    find: 'free >= plentyBytes;',
    replace: 'free >= 0;',
    test: turns,
    only: 'T4: a call finds room',
  },
  {
    name: 'each call is measured, however large the disk is',
    breaks: 'T4',
    file: 'src/coordinator/turns.ts',
    find: 'free >= plentyBytes;',
    replace: 'free === Number.POSITIVE_INFINITY;',
    test: turns,
    only: 'no call is measured',
  },
  {
    name: 'a call does not see what its batch holds already',
    breaks: 'T4',
    file: 'src/coordinator/turns.ts',
    find: 'bytesOfCharacter * (batch.bytes + 2 * size())',
    replace: 'bytesOfCharacter * (2 * size())',
    test: turns,
    only: 'T4: a call finds room',
  },
  {
    name: 'one large call that finds no room makes the disk full for all',
    breaks: 'T4',
    file: 'src/coordinator/turns.ts',
    find: '    if (free < spareBytes) this.#setLow();',
    replace: '    this.#setLow();',
    test: turns,
    only: 'T4: a call finds room',
  },
];

const retentionMutants: Mutant[] = [
  {
    name: 'a workflow that is set going again during the look goes all the same',
    breaks: 'RT1',
    file: 'src/coordinator/files/retention.ts',
    find: 'if (version === undefined || versionOf(id) !== version) continue;',
    replace: 'if (version === undefined) continue;',
    test: retention,
    only: 'set going again while others are removed',
  },
  {
    name: 'a workflow that is set going again in the turn of its removal goes all the same',
    breaks: 'RT1',
    file: 'src/coordinator/calls/change.ts',
    find: '      if (version !== undefined) checkUnchanged(live, version);\n',
    replace: '',
    test: retention,
    only: 'in the turn in which it would go',
  },
  {
    name: 'one removal that is refused ends the look',
    breaks: 'RT2',
    file: 'src/coordinator/files/retention.ts',
    find: '      if (error instanceof Refusal) return false;\n',
    replace: '',
    test: retention,
    only: 'one that cannot be removed now',
  },
  {
    name: 'a fault of a removal is told to nobody',
    breaks: 'RT2',
    file: 'src/coordinator/files/retention.ts',
    find: 'if (error instanceof Refusal) return false;',
    replace: 'if (error instanceof Error) return false;',
    test: retention,
    only: 'a fault that is no refusal is told',
  },
  {
    name: 'a look goes on after the engine was told to end',
    breaks: 'RT2',
    file: 'src/coordinator/files/retention.ts',
    find: '        if (this.#isStopped) return;\n',
    replace: '',
    test: retention,
    only: 'removes no further one',
  },
  {
    name: 'retention looks once a second',
    breaks: 'RT2',
    file: 'src/coordinator/files/retention.ts',
    find: 'lookEveryMs = 60_000;',
    replace: 'lookEveryMs = 1_000;',
    test: retention,
    only: 'of three finished and one waiting',
  },
];

export const ownerMutants: readonly Mutant[] = [
  ...lockMutants,
  ...foreignMutants,
  ...recoveryMutants,
  ...roomMutants,
  ...retentionMutants,
];
