/** Stop, retry or delete all runs that are chosen, with one call and one notice of what became of it. */
import type { BulkAction, BulkResult } from '../../src/contract/bulk.ts';
import { ask } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { counted, countText } from '../ui/money.ts';
import { toast } from '../ui/toast.tsx';
import { newKey, post } from '../wire/api.ts';
import { whyDisabled } from '../wire/connection.ts';
import { detailOf } from '../wire/problem.ts';
import type { ListStore } from './list-store.ts';

const idsMax = 1_000;

const words: Readonly<Record<BulkAction, { label: string; done: string }>> = {
  stop: { label: 'Stop', done: 'stopped' },
  retry: { label: 'Retry', done: 'retried' },
  resume: { label: 'Resume', done: 'resumed' },
  delete: { label: 'Delete', done: 'deleted' },
};

export function BulkBar({ store }: { store: ListStore }) {
  const ids = [...store.chosen.value];
  const why = whyDisabled.value;
  const button = (action: BulkAction, icon: 'stop' | 'retry' | 'play' | 'delete') => (
    <button
      type="button"
      class="button small"
      disabled={why !== null || ids.length > idsMax}
      title={why ?? undefined}
      onClick={() => void runBulk(store, action, ids)}
    >
      <Icon name={icon} size={13} />
      {words[action].label}
    </button>
  );
  return (
    <div class="run-row heads bulk" role="row">
      <span role="columnheader" class="run-check">
        <input type="checkbox" aria-label="Choose none" checked onChange={() => store.chooseAll(false)} />
      </span>
      <span role="columnheader" class="bulk-actions">
        <b>{countText(ids.length)} chosen</b>
        {button('stop', 'stop')}
        {button('retry', 'retry')}
        {button('resume', 'play')}
        {button('delete', 'delete')}
        <button type="button" class="button small" onClick={() => store.chooseAll(false)}>
          Cancel
        </button>
      </span>
    </div>
  );
}

async function runBulk(store: ListStore, action: BulkAction, ids: readonly string[]): Promise<void> {
  const key = newKey();
  if (action === 'delete' || action === 'stop') {
    const isYes = await ask({
      title: `${words[action].label} ${counted(ids.length, 'run')}?`,
      text: action === 'delete' ? 'Their files and outputs go, too. This cannot be undone.' : 'What runs is aborted.',
      confirm: words[action].label,
      isDestructive: action === 'delete',
    });
    if (!isYes) return;
  }
  try {
    const results = await post<BulkResult[]>('/api/workflows/bulk', { action, ids }, { key });
    const failed = results.filter(({ ok }) => !ok);
    const done = `${counted(results.length - failed.length, 'run')} ${words[action].done}`;
    toast(
      failed.length === 0
        ? { text: done }
        : { text: `${done}, ${countText(failed.length)} not:\n${reasons(failed)}`, tone: 'fail', ms: 12_000 },
    );
    store.chooseAll(false);
    store.reload();
  } catch (error) {
    toast({ text: detailOf(error), tone: 'fail' });
  }
}

/** The reasons, each once, the most frequent first. */
function reasons(failed: readonly BulkResult[]): string {
  const counts = new Map<string, number>();
  for (const { id, detail } of failed) {
    const text = detail.replaceAll(id, 'it');
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a).slice(0, 3);
  return sorted.map(([text, count]) => (count > 1 ? `${countText(count)} × ${text}` : text)).join('\n');
}
