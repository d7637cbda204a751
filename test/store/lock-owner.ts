/** A process of its own that opens a store, says so, and holds it until its input ends or it is killed. */
import { StartError } from '../../src/contract/store.ts';
import { openStore } from '../../src/store/store.ts';

const [workflowsDir = '', queueStateFile = ''] = process.argv.slice(2);
try {
  const store = await openStore({ workflowsDir, queueStateFile });
  process.stdout.write('open\n');
  process.stdin.resume();
  process.stdin.once('end', () => void store.close());
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(error.message);
  process.exitCode = error.exitStatus;
}
