/** Every planted bug, by the part of the matrix that keeps it. */
import { actionsMutants } from './actions.mutants.ts';
import { boundsMutants } from './bounds.mutants.ts';
import { cacheMutants } from './cache.mutants.ts';
import { childrenMutants } from './children.mutants.ts';
import { commandsMutants } from './commands.mutants.ts';
import { conditionMutants } from './condition.mutants.ts';
import { coreMutants } from './core.mutants.ts';
import { crashMutants } from './crash.mutants.ts';
import { damageMutants } from './damage.mutants.ts';
import { dashboardMutants } from './dashboard.mutants.ts';
import { decisionsMutants } from './decisions.mutants.ts';
import { diskMutants } from './disk.mutants.ts';
import { drawnMutants } from './drawn.mutants.ts';
import { dryMutants } from './dry.mutants.ts';
import { enumerateMutants } from './enumerate.mutants.ts';
import { extensionMutants } from './extension.mutants.ts';
import { filesMutants } from './files.mutants.ts';
import { flowMutants } from './flow.mutants.ts';
import { followersMutants } from './followers.mutants.ts';
import { hooksMutants } from './hooks.mutants.ts';
import { httpMutants } from './http.mutants.ts';
import { inquiriesMutants } from './inquiries.mutants.ts';
import { keysMutants } from './keys.mutants.ts';
import { loadMutants } from './load.mutants.ts';
import { modelsMutants } from './models.mutants.ts';
import type { Mutant } from './mutant.ts';
import { numbersMutants } from './numbers.mutants.ts';
import { ownerMutants } from './owner.mutants.ts';
import { pagesMutants } from './pages.mutants.ts';
import { pairingMutants } from './pairing.mutants.ts';
import { runPageMutants } from './run-page.mutants.ts';
import { schedulesMutants } from './schedules.mutants.ts';
import { secretsMutants } from './secrets.mutants.ts';
import { serverMutants } from './server.mutants.ts';
import { serversMutants } from './servers.mutants.ts';
import { simMutants } from './sim.mutants.ts';
import { tokensMutants } from './tokens.mutants.ts';
import { typosMutants } from './typos.mutants.ts';
import { webMutants } from './web.mutants.ts';
import { workersMutants } from './workers.mutants.ts';

export const mutants: readonly Mutant[] = [
  ...actionsMutants,
  ...boundsMutants,
  ...cacheMutants,
  ...childrenMutants,
  ...conditionMutants,
  ...commandsMutants,
  ...coreMutants,
  ...crashMutants,
  ...damageMutants,
  ...dashboardMutants,
  ...decisionsMutants,
  ...diskMutants,
  ...drawnMutants,
  ...dryMutants,
  ...enumerateMutants,
  ...extensionMutants,
  ...filesMutants,
  ...flowMutants,
  ...inquiriesMutants,
  ...followersMutants,
  ...hooksMutants,
  ...httpMutants,
  ...keysMutants,
  ...loadMutants,
  ...modelsMutants,
  ...schedulesMutants,
  ...secretsMutants,
  ...serversMutants,
  ...serverMutants,
  ...numbersMutants,
  ...ownerMutants,
  ...pagesMutants,
  ...pairingMutants,
  ...runPageMutants,
  ...simMutants,
  ...tokensMutants,
  ...typosMutants,
  ...webMutants,
  ...workersMutants,
];
