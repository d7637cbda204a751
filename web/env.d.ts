/** What the build writes into the bundle. */

/** Version of the package that the bundle was built from. */
declare const BUILD_VERSION: string;
/** Path of the run page's worker, with its hash: `/assets/run-worker-4F2A.js`. */
declare const WORKER_PATH: string;
/** Paths of style sheets that come with what needs them: the list of runs, a step's drawer, all other screens. */
declare const RUNS_STYLE_PATH: string;
declare const DRAWER_STYLE_PATH: string;
declare const SCREENS_STYLE_PATH: string;

declare module '*.css';

/** `src/contract` also runs in Node. Its types come in here, and with them the check of its code; nothing here has it. */
declare const Buffer: {
  from(text: string, encoding?: string): { toString(encoding: string): string };
};
