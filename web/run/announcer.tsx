/**
 * Says to assistive technology how the run goes: counts at most every 5 s, each failure once. The tab's title and
 * icon say the same to those who look elsewhere.
 */
import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { toSafeLine } from '../output/safe-text.ts';
import { countText } from '../ui/money.ts';
import { type Columns, isUnderWay } from './columns.ts';
import { showIcon, toIconShape } from './favicon.ts';
import { look, lookOrder, toLookWord } from './look.ts';
import { useRunScope } from './run-context.ts';
import { stepsOfLook } from './run-store.ts';

const saidEveryMs = 5_000;

function countsText(run: Columns): string {
  const parts = lookOrder.filter((code) => run.counts[code]! > 0);
  return parts.map((code) => `${countText(run.counts[code]!)} ${toLookWord(code).toLowerCase()}`).join(', ');
}

export function Announcer() {
  const { store } = useRunScope();
  const [said, setSaid] = useState('');
  const saidAt = useRef(0);
  const failures = useRef<Set<string> | null>(null);
  const lastCounts = useRef('');
  useSignalEffect(() => {
    store.tick.value;
    const { run } = store;
    if (run === null) return;
    showIcon(toIconShape(run));
    document.title = `${titleMark(run)}${toSafeLine(run.head.name)} · Hybrid Engine`;
    const failed = new Set(stepsOfLook(run, look.failed).map((i) => run.ids[i]!));
    const isFirst = failures.current === null;
    const fresh = [...failed].filter((id) => !failures.current?.has(id));
    failures.current = failed;
    const now = performance.now();
    if (!isFirst && fresh.length > 0) {
      const [first = ''] = fresh;
      const name = toSafeLine(run.names[run.index.get(first) ?? 0]!);
      setSaid(fresh.length === 1 ? `Step failed: ${name}` : `${fresh.length} steps failed, ${name} first`);
      saidAt.current = now;
      return;
    }
    if (now - saidAt.current < saidEveryMs) return;
    const counts = countsText(run);
    if (counts === lastCounts.current) return;
    lastCounts.current = counts;
    saidAt.current = now;
    if (!isFirst) setSaid(counts);
  });
  useEffect(
    () => () => {
      document.title = 'Hybrid Engine';
      showIcon(null);
    },
    [],
  );
  return (
    <p class="visually-hidden" role="status" aria-live="polite">
      {said}
    </p>
  );
}

/** `✕ 1 `, `✓ `, or nothing while nothing is to be said. */
function titleMark(run: Columns): string {
  const failed = run.counts[look.failed]!;
  if (failed > 0) return `✕ ${failed} `;
  if (run.counts[look.needs]! > 0) return '⧗ ';
  if (isUnderWay(run)) return '▸ ';
  return run.head.status === 'COMPLETED' ? '✓ ' : '';
}
