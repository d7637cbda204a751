import { navigate } from '../route.ts';
import { type RunFilters, toSearch } from './filters.ts';

/** Shows the list with these filters: they are in the address. */
export function showRuns(filters: RunFilters): void {
  navigate(`/${toSearch(filters)}`, { replace: true });
}
