/**
 * A process of its own that opens a store, says so, and holds it until its input ends or it is killed. With `waits` as the
 * third argument it says when it is loaded, and opens at the first byte of its input, so that many can open at once. With
 * `file-only` as the fourth it makes no socket, as on a volume that holds none.
 */
import { once } from 'node:events';
import { StartError } from '../../src/contract/store.ts';
import { createNodeDisk } from '../../src/store/disk.ts';
import { openStore } from '../../src/store/store.ts';

const [workflowsDir = '', queueStateFile = '', waits, fileOnly] = process.argv.slice(2);
try {
  if (waits === 'waits') {
    process.stdout.write('loaded\n');
    await once(process.stdin, 'data');
  }
  const real = createNodeDisk();
  const noSocketIn = (file: string) => (/\.engine$/.test(file) ? `${file}/no-such-entry` : real.realpathSync(file));
  const disk = fileOnly === 'file-only' ? { ...real, realpathSync: noSocketIn } : real;
  const store = await openStore({ workflowsDir, queueStateFile, disk });
  process.stdout.write('open\n');
  process.stdin.resume();
  process.stdin.once('end', () => void store.close());
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(error.message);
  process.exit(error.exitStatus);
}
