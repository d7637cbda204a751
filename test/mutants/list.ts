/** Every planted bug, by the part of the matrix that keeps it. */
import { coreMutants } from './core.mutants.ts';
import { modelsMutants } from './models.mutants.ts';
import type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [...coreMutants, ...modelsMutants];
