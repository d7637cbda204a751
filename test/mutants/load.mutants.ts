/** Bugs in what the server grants when there is too much of everything. */
import type { Mutant } from './mutant.ts';

export const loadMutants: Mutant[] = [
  {
    name: 'waits have no cap',
    breaks: 'G16, K2',
    file: 'src/server/open-requests.ts',
    find: 'if (this.#waits >= this.#waitsMax) {',
    replace: 'if (this.#waits >= this.#waitsMax && this.#waitsMax === 0) {',
    test: 'test/load/overload.test.ts',
    env: { LOAD_REQUESTS: '20' },
  },
  {
    name: 'refusals of waits leave out Retry-After',
    breaks: 'K2',
    file: 'src/server/open-requests.ts',
    find: '          retryAfterSeconds: 5,\n',
    replace: '',
    test: 'test/load/overload.test.ts',
    env: { LOAD_REQUESTS: '20' },
  },
  {
    name: 'clients that drip are never cut',
    breaks: 'H4, X10',
    file: 'src/server/server.ts',
    find: `    headersTimeout: bounds.headersTimeoutMs,
    requestTimeout: bounds.requestTimeoutMs,`,
    replace: `    headersTimeout: 0,
    requestTimeout: 0,`,
    test: 'test/load/slow-clients.test.ts',
    env: { LOAD_SOCKETS: '10', LOAD_CUT_MS: '15000' },
  },
  {
    name: 'clients that do not read are never cut',
    breaks: 'H4, X10',
    file: 'src/server/app.ts',
    find: 'ctx.socket.setTimeout(bounds.answerStallMs);',
    replace: 'ctx.socket.setTimeout(0);',
    test: 'test/server/connections.test.ts',
    only: 'are cut when their client takes nothing',
  },
];
