/** What the build writes into the bundle. */

/** Version of the package that the bundle was built from. */
declare const BUILD_VERSION: string;
/** Path of the run page's worker, with its hash: `/assets/run-worker-4F2A.js`. */
declare const WORKER_PATH: string;

declare module '*.css';
