/** What a person can do to a run. Each call carries a key made at the click, so a lost answer does no harm twice. */
import { toSafeLine } from '../output/safe-text.ts';
import { address, navigate } from '../route.ts';
import { ask } from '../ui/dialog.tsx';
import { toast } from '../ui/toast.tsx';
import { getText, post, remove } from '../wire/api.ts';
import { isLost } from '../wire/connection.ts';
import { detailOf } from '../wire/problem.ts';
import { allowedFor, apiPath } from './allowed.ts';
import { downloadText } from './download.ts';
import type { RunStore } from './run-store.ts';

/** How long Undo is offered after a stop. */
const undoMs = 8_000;

async function change(id: string, verb: 'stop' | 'retry' | 'resume', body?: unknown): Promise<boolean> {
  try {
    await post(apiPath(id, `/${verb}`), body);
    return true;
  } catch (error) {
    toast({ text: detailOf(error), tone: 'fail' });
    return false;
  }
}

export async function stop({ id }: RunStore): Promise<void> {
  if (!(await change(id, 'stop'))) return;
  toast({
    text: 'The run is stopped',
    ms: undoMs,
    action: { label: 'Undo', run: () => void change(id, 'resume') },
  });
}

export async function askStop(store: RunStore): Promise<void> {
  if (!allowedFor(store).stop || isLost.value) return;
  const isWanted = await ask({
    title: 'Stop this run?',
    text: `“${nameOf(store)}” ends what it runs now; Resume goes on where it was.`,
    confirm: 'Stop',
  });
  if (isWanted) await stop(store);
}

export async function retry(store: RunStore): Promise<void> {
  if (allowedFor(store).retry && !isLost.value) await change(store.id, 'retry');
}

export async function resume(store: RunStore): Promise<void> {
  await change(store.id, 'resume');
}

export async function askDelete(store: RunStore): Promise<void> {
  const isWanted = await ask({
    title: 'Delete this run?',
    text: `“${nameOf(store)}” goes for good, with its outputs and its log. What it has cost stays in the costs.`,
    confirm: 'Delete',
    isDestructive: true,
  });
  if (!isWanted) return;
  try {
    await remove(apiPath(store.id));
    navigate('/');
    toast({ text: 'The run was deleted' });
  } catch (error) {
    toast({ text: detailOf(error), tone: 'fail' });
  }
}

export async function downloadLog({ id }: RunStore): Promise<void> {
  try {
    downloadText(`${id}.log`, await getText(apiPath(id, '/logs?format=text'), { headers: { Accept: 'text/plain' } }));
  } catch (error) {
    toast({ text: detailOf(error), tone: 'fail' });
  }
}

/** The run as a command for a terminal; a token is named, never written. */
export function toCurl(id: string, hasToken: boolean): string {
  const header = hasToken ? ` -H "Authorization: Bearer $API_TOKEN"` : '';
  return `curl${header} '${address.value.origin}${apiPath(id)}'`;
}

function nameOf({ run, id }: RunStore): string {
  return run === null ? id : toSafeLine(run.head.name);
}
