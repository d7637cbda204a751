/**
 * Loaded before a measured server (`node --import`): finds out which thread of the process the coordinator runs
 * in, and counts the messages that the coordinator sends to the server's thread. Answers any message of the parent
 * process.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';

const workerThreads = createRequire(import.meta.url)('node:worker_threads');
const { isMainThread, Worker } = workerThreads;

if (isMainThread) {
  const listThreads = () => readdirSync('/proc/self/task');
  let coordinatorThread = null;
  let messages = 0;

  /**
   * The server's thread starts the coordinator, and others such as the watchdog. The coordinator starts the pool's
   * threads.
   */
  workerThreads.Worker = class extends Worker {
    constructor(...args) {
      if (!String(args[0]).includes('coordinator-main')) {
        super(...args);
        return;
      }
      const before = new Set(listThreads());
      super(...args);
      assert.equal(coordinatorThread, null, 'the server has started a second coordinator');
      const started = listThreads().filter((thread) => !before.has(thread));
      assert.equal(started.length, 1, 'more than the coordinator has started');
      [coordinatorThread] = started;
      this.on('message', () => {
        messages += 1;
      });
    }
  };
  syncBuiltinESMExports();
  process.on('message', () => process.send({ coordinatorThread, messages }));
  process.channel.unref();
}
