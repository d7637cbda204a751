/** Loads `run-later.ts`, and does something with it. */
import { toast } from '../ui/toast.tsx';
import { detailOf } from '../wire/problem.ts';

export type Later = typeof import('./run-later.ts');

export const loadLater = (): Promise<Later> => import('./run-later.ts');

/** For what a person asks for by a button or a key: when it cannot be loaded, that is said. */
export function withLater(use: (later: Later) => unknown): void {
  loadLater().then(use, (error: unknown) => toast({ text: detailOf(error), tone: 'fail' }));
}
