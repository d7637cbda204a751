/** The calls behind schedules: what is kept of them on disk, and which workflows their keys have made. */
import type { Call, CallHandlers } from '../../contract/coordinator.ts';
import { type KeptSchedules, schedulesFileSchema } from '../../contract/schedule.ts';
import type { StorePort } from '../../contract/store.ts';
import { isOver } from '../followers/waits.ts';
import type { Incidents } from '../incidents.ts';
import type { Turns } from '../turns.ts';
import type { Workflows } from '../workflows.ts';

export interface ScheduleParts {
  store: StorePort;
  incidents: Incidents;
  workflows: Workflows;
  turns: Turns;
}

type ScheduleCalls = CallHandlers<'readSchedules' | 'writeSchedules' | 'keyedWorkflows' | 'keyOwners' | 'delivered'>;

export function createScheduleCalls({ store, incidents, workflows, turns }: ScheduleParts): ScheduleCalls {
  const readSchedules: Call<'readSchedules'> = async () => {
    const text = await store.readSchedules();
    const read = text === null ? empty() : parse(text);
    if (read !== null) return read;
    const reason = 'schedules.json is not what the engine wrote';
    const place = store.setAsideSchedules(reason);
    incidents.warn(`${reason}: pauses are lost and every schedule begins at now; the file was set aside in ${place}`);
    return empty();
  };

  const writeSchedules: Call<'writeSchedules'> = async (file) => {
    await store.writeSchedules(`${JSON.stringify(file)}\n`);
    return null;
  };

  const keyedWorkflows: Call<'keyedWorkflows'> = async ({ keys, prefix }) => {
    const unfinished: string[] = [];
    for (const [id, { state }] of workflows.live) {
      const { status, keys: records } = state.header;
      if (!isOver(status, 'finished') && records.some(({ key }) => key.startsWith(prefix))) unfinished.push(id);
    }
    return { owners: keys.map((key) => workflows.keyOwner(key) ?? null), unfinished };
  };

  const delivered: Call<'delivered'> = async ({ key }) => {
    const id = workflows.madeUnder(key) ?? null;
    if (id !== null) turns.checkDurable(id);
    return { id };
  };

  const keyOwners: Call<'keyOwners'> = async ({ prefix }) => ({ ids: workflows.ownersByPrefix(prefix) });

  return { readSchedules, writeSchedules, keyedWorkflows, keyOwners, delivered };
}

function empty(): KeptSchedules {
  return { version: 1, schedules: {} };
}

function parse(text: string): KeptSchedules | null {
  try {
    return schedulesFileSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
