/** A definition as text, with its graph beside it, its faults at their lines, and the dry run below. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { DryRunReply, ValidationReply } from '../../src/contract/dry-run.ts';
import type { ActionDescription } from '../../src/contract/engine.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { navigate, runPath } from '../route.ts';
import { Icon } from '../ui/icon.tsx';
import { get, newKey, post } from '../wire/api.ts';
import { whyDisabled } from '../wire/connection.ts';
import { detailOf, Problem } from '../wire/problem.ts';
import { completionsAt } from './complete.ts';
import {
  type DefinitionFormat,
  type DefinitionReading,
  readDefinition,
  type TextFault,
  writeDefinition,
} from './definition-text.ts';
import { dropDraft, keepDraft, readDraft } from './draft.ts';
import { DryRun } from './dry-run.tsx';
import type { DefinitionEditor, EditorParts } from './editor.ts';
import { type Outline, toOutline } from './outline.ts';
import { OutlineGraph } from './outline-graph.tsx';

const readMs = 300;
const validateMs = 900;

interface EditorDraft {
  readonly text: string;
  readonly format: DefinitionFormat;
}

interface Problems {
  readonly faults: readonly TextFault[];
  readonly general: readonly string[];
  readonly warnings: readonly string[];
}

/** A chunk of its own: by far the largest. */
const loadEditor = () => import('./editor.ts');

const noProblems: Problems = { faults: [], general: [], warnings: [] };

export function EditorPage({ start, place }: { start: unknown; place: string }) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<DefinitionEditor | null>(null);
  const [format, setFormat] = useState<DefinitionFormat>('yaml');
  const [outline, setOutline] = useState<Outline>(() => toOutline(start));
  const [problems, setProblems] = useState<Problems>(noProblems);
  const [reply, setReply] = useState<DryRunReply | null>(null);
  const [isBusy, setBusy] = useState(false);
  const text = useRef('');
  const reading = useRef<DefinitionReading | null>(null);
  const latest = useRef({ format, outline, call: (_: 'run' | 'dry-run') => {} });
  const key = useRef(newKey());

  const show = (next: Problems) => {
    setProblems(next);
    editor.current?.showFaults(next.faults);
  };
  const read = () => {
    const next = readDefinition(text.current, latest.current.format);
    reading.current = next;
    if (next.definition !== null) setOutline(toOutline(next.definition));
    show({ ...noProblems, faults: next.faults });
  };
  const refused = (error: unknown) => {
    const found = reading.current;
    const errors = error instanceof Problem ? error.errors : [];
    show({
      faults: errors.map(({ path, message }) => ({
        ...rangeIn(found, path),
        message: `${path} ${message}`.trim(),
        severity: 'error',
      })),
      general: errors.length === 0 ? [detailOf(error)] : [],
      warnings: [],
    });
  };
  const validate = async () => {
    const found = reading.current;
    if (found === null || found.definition === null || whyDisabled.value !== null) return;
    try {
      const { errors, warnings } = await post<ValidationReply>('/api/workflows/validate', found.definition);
      if (reading.current !== found) return;
      const faults = errors.map(
        ({ path, message }): TextFault => ({
          ...found.rangeOf(path),
          message: `${path} ${message}`.trim(),
          severity: 'error',
        }),
      );
      show({ faults, general: [], warnings });
    } catch (error) {
      if (reading.current === found && error instanceof Problem && error.status === 422) refused(error);
    }
  };
  const call = async (what: 'run' | 'dry-run') => {
    read();
    const definition = reading.current?.definition ?? null;
    if (definition === null || isBusy || whyDisabled.value !== null) return;
    setBusy(true);
    setReply(null);
    try {
      if (what === 'dry-run') setReply(await post<DryRunReply>('/api/workflows/dry-run', definition));
      else {
        const run = await post<Workflow>('/api/workflows', definition, { key: key.current });
        dropDraft(place);
        navigate(runPath(run.id));
      }
    } catch (error) {
      refused(error);
    } finally {
      setBusy(false);
    }
  };
  latest.current = { format, outline, call: (what) => void call(what) };

  useEffect(() => {
    if (host.current === null) return;
    const draft = readDraft<EditorDraft>(place);
    text.current = draft?.text ?? writeDefinition(start, 'yaml');
    const shown = draft?.format ?? 'yaml';
    setFormat(shown);
    latest.current.format = shown;
    const timers: ReturnType<typeof setTimeout>[] = [];
    let actions: readonly ActionDescription[] = [];
    const asking = new AbortController();
    // Without them there is no completion of actions; the rest goes on.
    get<ActionDescription[]>('/api/actions', { signal: asking.signal }).then(
      (given) => {
        actions = given;
      },
      () => {},
    );
    const parts: EditorParts = {
      text: text.current,
      format: shown,
      complete: (written, cursor) => completionsAt(written, cursor, { outline: latest.current.outline, actions }),
      dryRun: () => latest.current.call('dry-run'),
      run: () => latest.current.call('run'),
      onChange(next) {
        text.current = next;
        key.current = newKey();
        for (const timer of timers.splice(0)) clearTimeout(timer);
        timers.push(
          setTimeout(() => {
            read();
            keepDraft(place, { text: text.current, format: latest.current.format });
          }, readMs),
          setTimeout(() => void validate(), validateMs),
        );
      },
    };
    loadEditor().then(
      ({ createEditor }) => {
        if (asking.signal.aborted || host.current === null) return;
        editor.current = createEditor(host.current, { ...parts, text: text.current });
        read();
      },
      (error: unknown) => show({ ...noProblems, general: [detailOf(error)] }),
    );
    read();
    timers.push(setTimeout(() => void validate(), readMs));
    return () => {
      for (const timer of timers) clearTimeout(timer);
      asking.abort();
      editor.current?.destroy();
    };
  }, []);

  const change = (next: DefinitionFormat) => {
    read();
    const definition = reading.current?.definition;
    if (next === format || definition === null || definition === undefined) return;
    text.current = writeDefinition(definition, next);
    latest.current.format = next;
    setFormat(next);
    editor.current?.setText(text.current, next);
  };
  const pick = (path: string) => {
    const range = rangeIn(reading.current, path);
    editor.current?.select(range.from, range.to);
  };
  return (
    <div class="editor">
      <Bar format={format} change={change} isBusy={isBusy} call={(what) => void call(what)} />
      <div class="editor-panes">
        <div ref={host} class="editor-text" />
        <div class="editor-side">
          <OutlineGraph outline={outline} pick={({ place: at }) => pick(`steps[${at}]`)} />
        </div>
      </div>
      <ProblemList problems={problems} select={(from, to) => editor.current?.select(from, to)} />
      {reply === null ? null : <DryRun reply={reply} />}
    </div>
  );
}

interface BarProps {
  readonly format: DefinitionFormat;
  readonly isBusy: boolean;
  change(format: DefinitionFormat): void;
  call(what: 'run' | 'dry-run'): void;
}

function Bar({ format, isBusy, change, call }: BarProps) {
  const why = whyDisabled.value;
  return (
    <div class="form-actions">
      <fieldset class="segments wide" aria-label="Written as">
        {(['yaml', 'json'] as const).map((one) => (
          <button
            key={one}
            type="button"
            class={one === format ? 'on' : ''}
            aria-pressed={one === format}
            onClick={() => change(one)}
          >
            {one.toUpperCase()}
          </button>
        ))}
      </fieldset>
      <span class="grow" />
      <button
        type="button"
        class="button"
        disabled={isBusy || why !== null}
        title={why ?? 'Ctrl Enter'}
        onClick={() => call('dry-run')}
      >
        Dry run
      </button>
      <button
        type="button"
        class="button primary"
        disabled={isBusy || why !== null}
        title={why ?? 'Ctrl Shift Enter'}
        onClick={() => call('run')}
      >
        <Icon name="play" size={14} />
        Run
      </button>
    </div>
  );
}

function ProblemList({ problems, select }: { problems: Problems; select(from: number, to: number): void }) {
  const { faults, general, warnings } = problems;
  if (faults.length + general.length + warnings.length === 0) return null;
  return (
    <ul class={faults.length + general.length > 0 ? 'notice fail' : 'notice warn'} aria-label="What is wrong">
      {general.map((line) => (
        <li key={line}>{toSafeLine(line)}</li>
      ))}
      {faults.map(({ from, to, message }) => (
        <li key={`${from} ${message}`}>
          <button type="button" class="text-button" onClick={() => select(from, to)}>
            {toSafeLine(message)}
          </button>
        </li>
      ))}
      {warnings.map((line) => (
        <li key={line}>{toSafeLine(line)}</li>
      ))}
    </ul>
  );
}

function rangeIn(reading: DefinitionReading | null, path: string): { from: number; to: number } {
  return reading?.rangeOf(path) ?? { from: 0, to: 0 };
}
