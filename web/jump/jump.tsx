/** One field that leads anywhere: runs, steps of this run, templates, actions, commands. What was chosen last comes first. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Template } from '../../src/contract/definition.ts';
import type { ActionDescription } from '../../src/contract/engine.ts';
import type { WorkflowSummary } from '../../src/contract/workflow.ts';
import { boundKeys } from '../keys.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { navigate, newPath, runPath } from '../route.ts';
import { Icon } from '../ui/icon.tsx';
import { lookOfStatus, lookWords } from '../ui/look.ts';
import { shortId } from '../ui/short-id.ts';
import { get, withQuery } from '../wire/api.ts';
import { ranked } from './rank.ts';
import { type JumpItem, sourceItems } from './sources.ts';

const shownMax = 30;
const recentMax = 6;
const findMs = 150;
/** Of this tab, until it is loaded again. */
let recent: readonly JumpItem[] = [];

export function Jump({ onClose }: { onClose(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const [runs, setRuns] = useState<readonly JumpItem[]>([]);
  const [fixed, setFixed] = useState<readonly JumpItem[]>([]);
  const near = useMemo(() => [...sourceItems(), ...commands()], []);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    const reading = new AbortController();
    readFixed(reading.signal).then(setFixed, () => {});
    return () => {
      reading.abort();
      dialog.current?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  useEffect(() => {
    const reading = new AbortController();
    const timer = setTimeout(() => readRuns(text, reading.signal).then(setRuns, () => {}), text === '' ? 0 : findMs);
    return () => {
      clearTimeout(timer);
      reading.abort();
    };
  }, [text]);
  const items = found(text, [
    ...recent.map((item) => ({ ...item, group: 'Recent' as const })),
    ...near,
    ...runs,
    ...fixed,
  ]);
  const chosen = Math.min(at, Math.max(0, items.length - 1));
  const choose = (item: JumpItem | undefined) => {
    if (item === undefined) return;
    recent = [item, ...recent.filter(({ label, detail }) => label !== item.label || detail !== item.detail)].slice(
      0,
      recentMax,
    );
    onClose();
    item.run();
  };
  const move = (step: number) => {
    const next = (chosen + step + items.length) % Math.max(1, items.length);
    setAt(next);
    document.getElementById(`jump-${next}`)?.scrollIntoView({ block: 'nearest' });
  };
  return (
    <dialog
      ref={dialog}
      class="dialog jump"
      aria-label="Jump to"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div class="jump-field">
        <Icon name="search" />
        <input
          type="text"
          role="combobox"
          aria-label="Jump to a run, a step, a template, an action or a command"
          aria-expanded
          aria-controls="jump-list"
          aria-activedescendant={items.length > 0 ? `jump-${chosen}` : undefined}
          placeholder="Runs, steps, templates, actions, commands"
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={(event) => {
            if (event.key === 'ArrowDown') move(1);
            else if (event.key === 'ArrowUp') move(-1);
            else if (event.key === 'Enter') choose(items[chosen]);
            else return;
            event.preventDefault();
          }}
        />
        <kbd>Esc</kbd>
      </div>
      <div id="jump-list" role="listbox" aria-label="What was found" class="jump-list">
        {items.map((item, place) => (
          <div
            key={`${item.group} ${item.label} ${item.detail}`}
            id={`jump-${place}`}
            role="option"
            aria-selected={place === chosen}
            tabIndex={-1}
            class={place === chosen ? 'jump-item on' : 'jump-item'}
            onPointerMove={() => setAt(place)}
            onClick={() => choose(item)}
            onKeyDown={(event) => {
              if (event.key === 'Enter') choose(item);
            }}
          >
            <span class="jump-label">{item.label}</span>
            <span class="muted jump-detail">{item.detail}</span>
            <span class="muted">{item.group}</span>
          </div>
        ))}
      </div>
      {items.length === 0 ? <p class="jump-none">Nothing has this in its name.</p> : null}
    </dialog>
  );
}

function found(text: string, items: readonly JumpItem[]): JumpItem[] {
  const seen = new Set<string>();
  const once = items.filter(({ label, detail }) => {
    const key = `${label} ${detail}`;
    return !seen.has(key) && seen.add(key);
  });
  return ranked(text, once, ({ label, detail }) => `${label} ${detail}`).slice(0, shownMax);
}

/** What has a key has a command. */
function commands(): JumpItem[] {
  return boundKeys()
    .filter(({ key, label }) => key !== 'Ctrl K' && label.length > 0 && !/^(?:j|k|Arrow|Enter|Escape)/.test(key))
    .map(({ key, label, run }) => ({ label, detail: key, group: 'Commands' as const, run }));
}

async function readRuns(text: string, signal: AbortSignal): Promise<JumpItem[]> {
  const path = withQuery('/api/workflows', { view: 'summary', limit: 20, q: text.trim() });
  const runs = await get<WorkflowSummary[]>(path, { signal });
  return runs.map(({ id, name, status }) => ({
    label: toSafeLine(name),
    detail: `${lookWords[lookOfStatus(status)]} · ${shortId(id)}`,
    group: 'Runs',
    run: () => navigate(runPath(id)),
  }));
}

async function readFixed(signal: AbortSignal): Promise<JumpItem[]> {
  const [templates, actions] = await Promise.all([
    get<Template[]>('/api/templates', { signal }),
    get<ActionDescription[]>('/api/actions', { signal }),
  ]);
  return [
    ...templates.map(({ id, name }) => ({
      label: `New run: ${toSafeLine(name)}`,
      detail: id,
      group: 'Templates' as const,
      run: () => navigate(newPath(id)),
    })),
    ...actions.map(({ action, description }) => ({
      label: action,
      detail: description,
      group: 'Actions' as const,
      run: () => navigate(`/new?action=${encodeURIComponent(action)}`),
    })),
  ];
}
