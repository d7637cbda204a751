/** The run that a capture went into: how far it is, and the beginning of its result. */
import { useEffect, useState } from 'preact/hooks';
import { toCutText, toSafeLine, toSafeText } from '../web/output/safe-text.ts';
import { Pill } from '../web/ui/pill.tsx';
import { Problem } from '../web/wire/problem.ts';
import { EngineCalls } from './engine.ts';
import { type RunView, toRunView } from './run-view.ts';

const lookMs = 700;
const shownMax = 1_200;

export interface RunPanelProps {
  readonly address: string;
  readonly token: string | null;
  readonly workflowId: string;
}

export function RunPanel({ address, token, workflowId }: RunPanelProps) {
  const [run, setRun] = useState<RunView | null>(null);
  const [result, setResult] = useState<string | null>(null);
  useEffect(() => {
    const ended = new AbortController();
    void follow(new EngineCalls({ address, token }), workflowId, ended.signal, setRun, setResult);
    return () => ended.abort();
  }, [address, token, workflowId]);
  return (
    <section class="run" aria-label="The run">
      {run === null ? null : (
        <>
          <p class="run-head">
            <Pill look={run.look} />
            <b>{toSafeLine(run.name)}</b>
          </p>
          <progress max={run.total} value={run.completed} aria-label="Steps completed" />
          <p class="muted" role="status">
            {run.completed} of {run.total} steps
          </p>
        </>
      )}
      {result === null ? null : <pre class="result">{result}</pre>}
      <a class="link" href={`${address}/runs/${encodeURIComponent(workflowId)}`} target="_blank" rel="noreferrer">
        Open the run
      </a>
    </section>
  );
}

async function follow(
  calls: EngineCalls,
  workflowId: string,
  signal: AbortSignal,
  onRun: (run: RunView) => void,
  onResult: (text: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const run = toRunView(await calls.run(workflowId));
      if (signal.aborted) return;
      onRun(run);
      if (run.isAtRest) {
        const text = run.resultStep === null ? null : await calls.content(workflowId, run.resultStep);
        if (text !== null && !signal.aborted) onResult(toShown(text));
        return;
      }
    } catch (error) {
      // A run that is not ours to read, or is gone: the link leads to it.
      if (!(error instanceof Problem) || (error.status >= 400 && error.status < 500)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

function toShown(text: string): string {
  const { text: shown, isCut } = toCutText(toSafeText(text), shownMax);
  return isCut ? `${shown}…` : shown;
}
