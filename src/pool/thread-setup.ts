/** What a lane of threads is given, and the flags of Node for its threads. */
import type { Outcome, Said } from '../contract/job.ts';
import type { ThreadData } from '../contract/pool-messages.ts';
import type { Prices } from '../contract/prices.ts';
import type { SecretStore } from '../contract/secret-store.ts';
import type { NetworkRules } from '../contract/task.ts';

export interface ThreadLaneOptions {
  readonly threads: number;
  /**
   * `shared`: many bundles on a thread; a signal ends a job. `exclusive`: one job on a thread; ending the thread ends
   * the job.
   */
  readonly sharing: ThreadData['sharing'];
  /**
   * How long a thread may leave the deadline or the cancellation of a job without an answer before it is ended. 0: at once.
   * A shared thread answers when it has time; until then it works for other jobs.
   */
  readonly stuckMs: number;
  readonly heapMbMax: number;
  readonly threadUrl: URL;
  readonly execArgv: readonly string[] | undefined;
  readonly network: NetworkRules;
  readonly prices: Prices | undefined;
  readonly secretStore?: SecretStore | undefined;
  onOutcomes(outcomes: Outcome[]): void;
  onSaid(said: Said[]): void;
  onFault(message: string): void;
}

/**
 * Piscina first tries to `require` the thread's module, and Node can do that with an ES module. A thread that is
 * ended meanwhile takes the whole process down (Node 20.20: "IsGraphAsync must be used on an instantiated module").
 * With this flag Node refuses, and Piscina imports the module.
 */
export const importOnly = '--no-experimental-require-module';
const loaderFlag = /^(--import|--require|-r|--loader|--experimental-loader|--conditions|-C)(=|$)/;

/**
 * The flags of a process that say how modules are loaded. Others, such as V8's, apply to threads anyway and cannot be
 * set for one.
 */
export function toLoaderArgv(argv: readonly string[]): string[] {
  return argv.flatMap((flag, i) => {
    const match = loaderFlag.exec(flag);
    if (!match) return [];
    return match[2] === '=' ? [flag] : [flag, argv[i + 1] ?? ''];
  });
}
