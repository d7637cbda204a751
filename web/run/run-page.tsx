/** One run. */
import { Skeleton } from '../ui/empty.tsx';

export function RunPage({ id }: { id: string }) {
  return (
    <main class="page" aria-label={`Run ${id}`}>
      <Skeleton />
    </main>
  );
}
