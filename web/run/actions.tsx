/** The buttons at the head of the run page: what its status calls for, and the rest in a menu. */

import { runPath } from '../route.ts';
import { copyText } from '../ui/copy.ts';
import { Icon, type IconName } from '../ui/icon.tsx';
import { lazy } from '../ui/lazy.tsx';
import { Menu, type MenuItem } from '../ui/menu.tsx';
import { whyDisabled } from '../wire/connection.ts';
import { hasToken } from '../wire/token.ts';
import { allowedFor, apiPath, askBranch, openDialog } from './allowed.ts';
import type { RunHead } from './columns.ts';
import { withLater } from './load-later.ts';
import { useRun, useRunScope } from './run-context.ts';

const BranchDialog = lazy(async () => (await import('./run-dialogs.tsx')).BranchDialog, '');
const BudgetDialog = lazy(async () => (await import('./run-dialogs.tsx')).BudgetDialog, '');

interface ActionProps {
  readonly icon: IconName;
  readonly label: string;
  /** On a narrow screen. */
  readonly short?: string;
  readonly isPrimary?: boolean;
  run(): void;
}

function Action({ icon, label, short = label, isPrimary = false, run }: ActionProps) {
  const why = whyDisabled.value;
  return (
    <button
      type="button"
      class={isPrimary ? 'button primary' : 'button run-action'}
      aria-label={label}
      aria-disabled={why === null ? undefined : true}
      title={why ?? undefined}
      onClick={() => {
        if (why === null) run();
      }}
    >
      <Icon name={icon} size={14} />
      <span class="long">{label}</span>
      {isPrimary ? <span class="short">{short}</span> : null}
    </button>
  );
}

export function RunActions() {
  const { store } = useRunScope();
  const run = useRun();
  const allowed = allowedFor(store);
  return (
    <div class="run-actions">
      {allowed.raiseBudget ? (
        <Action
          icon="up"
          label="Raise budget"
          isPrimary
          run={() => {
            openDialog.value = 'budget';
          }}
        />
      ) : null}
      {allowed.stop ? <Action icon="stop" label="Stop" run={() => withLater(({ stop }) => stop(store))} /> : null}
      {allowed.retry ? (
        <Action
          icon="retry"
          label="Retry failed"
          short="Retry"
          isPrimary
          run={() => withLater(({ retry }) => retry(store))}
        />
      ) : null}
      {allowed.resume ? (
        <Action icon="play" label="Resume" isPrimary run={() => withLater(({ resume }) => resume(store))} />
      ) : null}
      <Action icon="branch" label="Branch" run={() => askBranch(store)} />
      <Menu label="More actions" items={toItems(store, run.head)} buttonClass="button run-more">
        <Icon name="more" />
      </Menu>
      {openDialog.value === 'branch' ? <BranchDialog /> : null}
      {openDialog.value === 'budget' ? <BudgetDialog /> : null}
    </div>
  );
}

function toItems(
  store: ReturnType<typeof useRunScope>['store'],
  { id, parentId, parentStepId, branches }: RunHead,
): MenuItem[] {
  const newest = branches.at(-1);
  return [
    ...(parentId === null || parentStepId !== undefined
      ? []
      : [{ label: 'Compare with its parent', href: `${runPath(id)}/diff/${parentId}` }]),
    ...(newest === undefined
      ? []
      : [{ label: 'Compare with its newest branch', href: `${runPath(id)}/diff/${newest.id}` }]),
    { label: 'Run again', href: `/new?from=${encodeURIComponent(id)}` },
    { label: 'Open as JSON', href: apiPath(id), isOutside: true },
    { label: 'Download the log', run: () => withLater(({ downloadLog }) => downloadLog(store)) },
    { label: 'Copy as curl', run: () => withLater(({ toCurl }) => copyText(toCurl(id, hasToken()), 'The command')) },
    {
      label: 'Delete…',
      isDestructive: true,
      disabled: whyDisabled.value,
      run: () => withLater(({ askDelete }) => askDelete(store)),
    },
  ];
}
