/** What a step has made: its main text while it comes and when it is there, and everything else as a tree. */
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { JsonTree } from '../output/json-tree.tsx';
import { Preview } from '../output/preview.tsx';
import { toSafeText } from '../output/safe-text.ts';
import { copyText } from '../ui/copy.ts';
import { lazy } from '../ui/lazy.tsx';
import { bytesText } from '../ui/money.ts';
import { toast } from '../ui/toast.tsx';
import { getText } from '../wire/api.ts';
import { isLost } from '../wire/connection.ts';
import { detailOf } from '../wire/problem.ts';
import { apiPath } from './allowed.ts';
import { downloadText } from './download.ts';
import { look } from './look.ts';
import { useRun, useRunScope } from './run-context.ts';
import type { StepDetail } from './run-messages.ts';

const Markdown = lazy(async () => (await import('../output/markdown.tsx')).Markdown, 'markdown');

const keptAt = 'text-style';
type TextStyle = 'text' | 'markdown';
const textStyle = signal<TextStyle>(readStyle());

function readStyle(): TextStyle {
  try {
    return localStorage.getItem(keptAt) === 'markdown' ? 'markdown' : 'text';
  } catch {
    return 'text';
  }
}

function keepStyle(style: TextStyle): void {
  textStyle.value = style;
  try {
    localStorage.setItem(keptAt, style);
  } catch {
    // It then holds for this page alone.
  }
}

export function OutputTab({ detail, turn, i }: { detail: StepDetail; turn: number; i: number }) {
  const { store } = useRunScope();
  const run = useRun();
  const code = run.look[i]!;
  const live = code === look.running ? store.texts.of(detail.id, run.attempt[i]!) : null;
  if (live !== null) return <LiveText text={live} />;
  const { content, outputsCount, truncatedBytes } = detail;
  if (truncatedBytes !== null) {
    return (
      <p class="none">The outputs are {bytesText(truncatedBytes)}: too large to be shown. Download them as JSON.</p>
    );
  }
  return (
    <>
      {content === null ? null : <Content key={turn} detail={detail} content={content} />}
      {outputsCount !== null && outputsCount > 0 ? (
        <JsonTree stepId={detail.id} source="outputs" turn={turn} label="Outputs" />
      ) : null}
      {content === null && (outputsCount ?? 0) === 0 ? <p class="none">{toEmptyText(code)}</p> : null}
    </>
  );
}

function toEmptyText(code: number): string {
  if (code === look.running) return 'No output yet. It appears here when the step ends.';
  if (code === look.skipped) return 'This step was skipped: it has no output.';
  if (code === look.completed || code === look.failed || code === look.tolerated) return 'This step has no output.';
  return 'This step has not run yet.';
}

/** Text as it comes. The end stays in view as long as the reader is there. */
function LiveText({ text }: { text: string }) {
  const end = useRef<HTMLSpanElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    const body = end.current?.closest('.drawer-body');
    if (!body) return;
    const onScroll = (): void => {
      isAtEnd.current = body.scrollHeight - body.scrollTop - body.clientHeight < 40;
    };
    body.addEventListener('scroll', onScroll);
    return () => body.removeEventListener('scroll', onScroll);
  }, []);
  useEffect(() => {
    const body = end.current?.closest('.drawer-body');
    if (body && isAtEnd.current) body.scrollTop = body.scrollHeight;
  }, [text]);
  return (
    <article class="output-text">
      {toSafeText(text)}
      <span ref={end} class={isLost.value ? '' : 'caret'} />
    </article>
  );
}

function Content({ detail, content }: { detail: StepDetail; content: { text: string; length: number } }) {
  const { store } = useRunScope();
  const [shown, setShown] = useState(content);
  const [isPreview, setPreview] = useState(false);
  const isHtml = detail.contentType === 'html' || /^\s*<(?:!doctype|html)\b/i.test(content.text);
  const style = textStyle.value;
  const isCut = shown.text.length < content.length;
  const more = async (): Promise<void> => {
    const lengthMax = Math.min(content.length, shown.text.length * 2);
    const ask = { stepId: detail.id, source: 'outputs' as const, path: ['content'], lengthMax };
    setShown(await store.worker.call('text', ask));
  };
  return (
    <>
      <div class="output-bar">
        <div class="segments" role="group" aria-label="Show the text as">
          {(['text', 'markdown'] as const).map((one) => (
            <button
              key={one}
              type="button"
              class={!isPreview && style === one ? 'on' : ''}
              aria-pressed={!isPreview && style === one}
              onClick={() => {
                setPreview(false);
                keepStyle(one);
              }}
            >
              {one === 'text' ? 'Text' : 'Markdown'}
            </button>
          ))}
          {isHtml ? (
            <button
              type="button"
              class={isPreview ? 'on' : ''}
              aria-pressed={isPreview}
              onClick={() => setPreview(!isPreview)}
            >
              Page
            </button>
          ) : null}
        </div>
        <span class="grow" />
        <button type="button" class="button small" onClick={() => void copyText(content.text, 'The text')}>
          Copy
        </button>
        <button type="button" class="button small" onClick={() => void download(store.id, detail.id)}>
          Download
        </button>
      </div>
      {isPreview ? (
        <Preview html={shown.text} />
      ) : style === 'markdown' ? (
        <Markdown text={shown.text.slice(0, 200_000)} />
      ) : (
        <article class="output-text">{toSafeText(shown.text)}</article>
      )}
      {isCut ? (
        <p class="output-more">
          {bytesText(shown.text.length)} of {bytesText(content.length)} are shown.{' '}
          {shown.text.length < 4_000_000 ? (
            <button type="button" class="text-button" onClick={() => void more()}>
              Show more
            </button>
          ) : null}
        </p>
      ) : null}
    </>
  );
}

/** The whole step as it is over REST. */
async function download(id: string, stepId: string): Promise<void> {
  try {
    downloadText(`${stepId}.json`, await getText(apiPath(id, `/steps/${encodeURIComponent(stepId)}`)));
  } catch (error) {
    toast({ text: detailOf(error), tone: 'fail' });
  }
}
