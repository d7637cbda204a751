/** Which run another is compared with, where the address does not name one. */
import type { Workflow, WorkflowSummary } from '../../src/contract/workflow.ts';
import { get, withQuery } from '../wire/api.ts';

const offeredMax = 30;

/** Runs that it makes sense to compare with: its parent first, then older and newer ones of its template or name. */
export async function readPartners(
  run: Pick<Workflow, 'id' | 'name' | 'templateId' | 'parentId'>,
  signal: AbortSignal,
): Promise<WorkflowSummary[]> {
  const alike = run.templateId === null ? { q: run.name } : { template: run.templateId };
  const path = withQuery('/api/workflows', { view: 'summary', limit: offeredMax, sort: 'created', ...alike });
  const found = (await get<WorkflowSummary[]>(path, { signal })).filter(({ id }) => id !== run.id);
  const parent = found.findIndex(({ id }) => id === run.parentId);
  return parent <= 0 ? found : [...found.splice(parent, 1), ...found];
}

/** The parent, else the latest of the partners that is older; null where there is none. */
export function defaultPartner(
  run: Pick<Workflow, 'createdAt' | 'parentId'>,
  partners: readonly WorkflowSummary[],
): string | null {
  if (run.parentId !== null) return run.parentId;
  return partners.find(({ createdAt }) => createdAt < run.createdAt)?.id ?? partners[0]?.id ?? null;
}
