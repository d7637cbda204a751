/** What a step that waits for a person asks for: data, or a decision. */
import { useId, useRef, useState } from 'preact/hooks';
import { toSafeText } from '../output/safe-text.ts';
import { clockText } from '../ui/time.ts';
import { toast } from '../ui/toast.tsx';
import { newKey, post } from '../wire/api.ts';
import { whyDisabled } from '../wire/connection.ts';
import { apiPath } from './allowed.ts';
import { useRunScope } from './run-context.ts';
import { ProblemLines } from './run-dialogs.tsx';
import type { StepDetail } from './run-messages.ts';

export function NeedBox({ detail, isDecision }: { detail: StepDetail; isDecision: boolean }) {
  return isDecision ? <DecisionBox detail={detail} /> : <DataBox detail={detail} />;
}

function Until({ detail }: { detail: StepDetail }) {
  const until = detail.waits?.until;
  return until === undefined ? null : <p class="muted">It waits until {clockText(until)}.</p>;
}

/** Sends once for each click, and again with the same key while the answer is lost. */
function useSending(send: (key: string) => Promise<unknown>, done: string) {
  const { steps } = useRunScope();
  const key = useRef(newKey());
  const [fault, setFault] = useState<unknown>(null);
  const [isSending, setSending] = useState(false);
  const submit = async (): Promise<void> => {
    if (isSending || whyDisabled.value !== null) return;
    setSending(true);
    try {
      await send(key.current);
      setFault(null);
      toast({ text: done });
      steps.refresh();
    } catch (error) {
      setFault(error);
      key.current = newKey();
    }
    setSending(false);
  };
  return { submit, fault, isSending };
}

function DataBox({ detail }: { detail: StepDetail }) {
  const { store } = useRunScope();
  const [content, setContent] = useState('');
  const [type, setType] = useState('text');
  const contentId = useId();
  const typeId = useId();
  const { submit, fault, isSending } = useSending(
    (key) =>
      post(
        apiPath(store.id, '/external-data'),
        { step_id: detail.id, content, ...(type === 'text' ? {} : { content_type: type }) },
        { key },
      ),
    'The data were given: the run goes on',
  );
  return (
    <form
      class="drawer-need"
      aria-label="Give data"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <b>This step waits for you</b>
      <p>It goes on once data are given to it.</p>
      <Until detail={detail} />
      <label class="form-label" for={contentId}>
        Content
      </label>
      <textarea
        id={contentId}
        class="field-input"
        rows={4}
        value={content}
        onInput={({ currentTarget }) => setContent(currentTarget.value)}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          const file = event.dataTransfer?.files[0];
          if (!file) return;
          event.preventDefault();
          void file.text().then(setContent);
          if (/html?$/i.test(file.name)) setType('html');
        }}
      />
      <div class="form-row">
        <label class="form-label" for={typeId}>
          Type
        </label>
        <select
          id={typeId}
          class="field-input"
          value={type}
          onChange={({ currentTarget }) => setType(currentTarget.value)}
        >
          <option value="text">text</option>
          <option value="html">html</option>
          <option value="markdown">markdown</option>
          <option value="json">json</option>
        </select>
        <span class="grow" />
        <button type="submit" class="button primary" aria-disabled={isSending || whyDisabled.value !== null}>
          Give data
        </button>
      </div>
      <ProblemLines error={fault} />
    </form>
  );
}

function DecisionBox({ detail }: { detail: StepDetail }) {
  const { store } = useRunScope();
  const [comment, setComment] = useState('');
  const [data, setData] = useState(() => toFirstData(detail.dataSchema));
  const approved = useRef(true);
  const commentId = useId();
  const dataId = useId();
  const { submit, fault, isSending } = useSending(
    (key) =>
      post(
        apiPath(store.id, `/steps/${encodeURIComponent(detail.id)}/decision`),
        {
          approved: approved.current,
          ...(comment === '' ? {} : { comment }),
          ...(detail.dataSchema === null || (!approved.current && data.trim() === '')
            ? {}
            : { data: JSON.parse(data) }),
        },
        { key },
      ),
    'The decision is taken: the run goes on',
  );
  const decide = (isApproved: boolean) => () => {
    approved.current = isApproved;
    void submit();
  };
  const isOff = isSending || whyDisabled.value !== null;
  return (
    <form class="drawer-need" aria-label="Decide" onSubmit={(event) => event.preventDefault()}>
      <b>This step waits for your decision</b>
      <p class="need-message">{toSafeText(detail.message ?? 'Approve it, and the run goes on.')}</p>
      <Until detail={detail} />
      {detail.dataSchema === null ? null : (
        <>
          <label class="form-label" for={dataId}>
            Data as JSON
          </label>
          <textarea
            id={dataId}
            class="field-input mono"
            rows={4}
            spellcheck={false}
            value={data}
            onInput={({ currentTarget }) => setData(currentTarget.value)}
          />
        </>
      )}
      <label class="form-label" for={commentId}>
        Comment
      </label>
      <input
        id={commentId}
        class="field-input"
        value={comment}
        onInput={({ currentTarget }) => setComment(currentTarget.value)}
      />
      <div class="form-row">
        <button type="button" class="button primary" aria-disabled={isOff} onClick={decide(true)}>
          Approve
        </button>
        <button type="button" class="button" aria-disabled={isOff} onClick={decide(false)}>
          Reject
        </button>
      </div>
      <ProblemLines error={fault} />
    </form>
  );
}

/** An object with the names that the schema has, to be filled in. */
function toFirstData(schema: Record<string, unknown> | null): string {
  const properties = (schema?.properties ?? {}) as Record<string, { default?: unknown; type?: unknown }>;
  const entries = Object.entries(properties).map(([name, { default: given, type }]) => {
    const empty = type === 'boolean' ? false : type === 'number' || type === 'integer' ? 0 : type === 'array' ? [] : '';
    return [name, given ?? empty] as const;
  });
  return JSON.stringify(Object.fromEntries(entries), null, 2);
}
