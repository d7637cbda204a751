/** Bugs in what happens when the disk is full, fails or runs out of handles. */
import type { Mutant } from './mutant.ts';

export const diskMutants: Mutant[] = [
  {
    name: 'orphans go from a workflow that has just changed',
    breaks: 'OB2',
    file: 'src/coordinator/files/orphan-blobs.ts',
    find: 'Date.parse(entry.summary.updatedAt) < yesterday',
    replace: 'yesterday > 0',
    test: 'test/coordinator/files/orphan-blobs.test.ts',
    only: 'what it names stays',
  },
  {
    name: 'a blob that a workflow names is taken for an orphan',
    breaks: 'G9, OB1',
    file: 'src/coordinator/files/orphan-blobs.ts',
    find: '!named.has(name)',
    replace: 'named.size >= 0',
    test: 'test/coordinator/files/orphan-blobs.test.ts',
    only: 'what it names stays',
  },
  {
    name: 'orphans go from a workflow that is in memory',
    breaks: 'OB1',
    file: 'src/coordinator/files/orphan-blobs.ts',
    find: ' || workflows.live.has(id))',
    replace: ')',
    test: 'test/coordinator/files/orphan-blobs.test.ts',
    only: 'keeps everything',
  },
  {
    name: 'orphans go beside a file that somebody has changed',
    breaks: 'OB1',
    file: 'src/coordinator/files/orphan-blobs.ts',
    find: '!isAsWritten || ',
    replace: '',
    test: 'test/coordinator/files/orphan-blobs.test.ts',
    only: 'keeps everything',
  },
  {
    name: 'a blob goes before it is a day old',
    breaks: 'OB2',
    file: 'src/store/blobs.ts',
    find: 'stat.writtenAt < before',
    replace: 'stat.writtenAt < before + 86_400_000',
    test: 'test/coordinator/files/orphan-blobs.test.ts',
    only: 'what it names stays',
  },
  {
    name: 'a failed fdatasync of the journal is tried again',
    breaks: 'G12, E4',
    file: 'src/store/journal.ts',
    find: `        this.#disk.fdatasyncSync(segment.fd);
      } catch (error) {
        throw toSyncError(error, segment.path);`,
    replace: `        this.#disk.fdatasyncSync(segment.fd);
      } catch (error) {
        this.#disk.fdatasyncSync(segment.fd);`,
    test: 'test/disk/failed.test.ts',
    only: "'ENOSPC' at any 'sync'",
  },
  {
    name: 'a failed fdatasync of the journal is ignored',
    breaks: 'G1, G12',
    file: 'src/store/journal.ts',
    find: `        this.#disk.fdatasyncSync(segment.fd);
      } catch (error) {
        throw toSyncError(error, segment.path);`,
    replace: `        this.#disk.fdatasyncSync(segment.fd);
      } catch {
        return;`,
    test: 'test/disk/failed.test.ts',
    only: "'ENOSPC' at any 'sync'",
  },
  {
    name: 'an fsync of a view that fails is a full disk, to be tried again',
    breaks: 'G12, E4',
    file: 'src/store/durable-file.ts',
    find: 'if (durable) await disk.fsync(fd).catch((error) => Promise.reject(toSyncError(error, target)));',
    replace:
      "if (durable) await disk.fsync(fd).catch(() => Promise.reject(Object.assign(new Error(target), { code: 'ENOSPC' })));",
    test: 'test/disk/failed.test.ts',
    only: "'EIO' at any 'sync'",
  },
  {
    name: 'what a full disk left of a batch is not cut back',
    breaks: 'G11, J2',
    file: 'src/store/journal.ts',
    find: 'if (reported instanceof DiskFullError) this.#cutBack(segment);',
    replace: '',
    test: 'test/store/journal.test.ts',
    only: 'in the middle of a batch cuts the journal back',
  },
  {
    name: 'a short write of a file counts as complete',
    breaks: 'G8, E2',
    file: 'src/store/durable-file.ts',
    find: `    const count = await disk.write(fd, bytes, done, bytes.length - done, position + done);
    zeros = count === 0 ? zeros + 1 : 0;`,
    replace: `    const count = await disk.write(fd, bytes, done, bytes.length - done, position + done);
    if (count > 0) return;
    zeros = count === 0 ? zeros + 1 : 0;`,
    test: 'test/disk/full.test.ts',
    only: 'when a write takes half',
  },
  {
    name: 'a short write of the journal counts as complete',
    breaks: 'G1, E2',
    file: 'src/store/durable-file.ts',
    find: `    const count = disk.writeSync(fd, bytes, done, length - done, position + done);
    zeros = count === 0 ? zeros + 1 : 0;`,
    replace: `    const count = disk.writeSync(fd, bytes, done, length - done, position + done);
    if (count > 0) return;
    zeros = count === 0 ? zeros + 1 : 0;`,
    test: 'test/disk/full.test.ts',
    only: 'when a write takes half',
  },
  {
    name: 'calls get 507, but the work of their batch is started',
    breaks: 'G11, T3',
    file: 'src/coordinator/turns.ts',
    find: "    batch.effects = effects.filter(({ kind }) => kind !== 'answer');",
    replace: `    parts.perform(effects.filter(({ kind }) => kind !== 'answer'));
    batch.effects = [];`,
    test: 'test/disk/full.test.ts',
    only: 'while there is no room nothing is started',
  },
  {
    name: 'after a full disk nothing goes on by itself',
    breaks: 'G11',
    file: 'src/coordinator/turns.ts',
    find: '    this.#options.clock.timer(diskFullRetryMs, () => {\n      if (this.#isHalted) return;',
    replace: '    this.#options.clock.timer(diskFullRetryMs, () => {\n      if (this.#stuck) return;',
    test: 'test/disk/full.test.ts',
    only: 'while there is no room nothing is started',
  },
  {
    name: 'a view that finds no room ends the engine',
    breaks: 'G11',
    file: 'src/coordinator/incidents.ts',
    find: '    if (error instanceof DiskFailedError) this.fatal(error);',
    replace: '    if (error instanceof Error) this.fatal(error);',
    test: 'test/disk/full.test.ts',
    only: 'ENOSPC',
  },
  {
    name: 'a start that finds no room for the queue file reports a broken rule',
    breaks: 'G11',
    file: 'src/coordinator/files/queue-file.ts',
    find: "throw this.#lastError ?? new DiskFullError('the journal has no room');",
    replace: "throw new Error('the queue file could not be written; see the log');",
    test: 'test/disk/full.test.ts',
    only: 'ENOSPC',
  },
  {
    name: 'EIO on one state.json ends the engine',
    breaks: 'G9',
    file: 'src/store/state-bytes.ts',
    find: 'if (code === undefined || isOutOfHandles(error)) throw error;',
    replace: "if (code === undefined || isOutOfHandles(error) || code === 'EIO') throw error;",
    test: 'test/disk/failed.test.ts',
    only: 'a finished workflow whose file gives EIO',
  },
  {
    name: 'a lack of file handles is not waited out',
    breaks: 'E-table: EMFILE',
    file: 'src/store/patient-disk.ts',
    find: `      return await call(...args);
    } catch (error) {
      if (!isOutOfHandles(error)) throw error;`,
    replace: `      return await call(...args);
    } catch (error) {
      if (isOutOfHandles(error)) throw error;`,
    test: 'test/disk/handles.test.ts',
    only: 'EMFILE for a moment',
  },
  {
    name: 'a call that finds no file handle is an unexpected error, which ends the engine',
    breaks: 'E-table: EMFILE',
    file: 'src/coordinator/coordinator.ts',
    find: 'if (error instanceof OutOfHandlesError) throw outOfHandlesRefusal;',
    replace: '',
    test: 'test/disk/handles.test.ts',
    only: 'a lack that stays',
  },
  {
    name: 'an engine goes on when its lock is gone',
    breaks: 'G1, E6',
    file: 'src/store/store.ts',
    find: '    if (payloads.length === 0) this.#checkOwned();\n',
    replace: '',
    test: 'test/disk/owned.test.ts',
    only: 'the lock alone is gone',
  },
  {
    name: 'health waits for a coordinator that hangs',
    breaks: 'E7',
    file: 'src/engine/health.ts',
    find: 'return await Promise.race([whole, late]);',
    replace: 'return await whole;',
    test: 'test/disk/slow.test.ts',
    only: 'while the coordinator hangs',
  },
  {
    name: 'calls pile up without bound before a coordinator that hangs',
    breaks: 'E7, G16',
    file: 'src/engine/thread-client.ts',
    find: 'if (isCounted && this.#counted >= limits.inboxCommandsMax',
    replace: 'if (isCounted && this.#counted >= Number.POSITIVE_INFINITY',
    test: 'test/disk/slow.test.ts',
    only: 'while the coordinator hangs',
  },
];
