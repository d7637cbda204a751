/** What a step that waits for a person asks for: data, or a decision. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { FormInputs } from '../new/form-value.ts';
import { toSafeText } from '../output/safe-text.ts';
import { loadStyles } from '../ui/styles.ts';
import { fullText } from '../ui/time.ts';
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
  return until === undefined ? null : <p class="muted">It waits until {fullText(until)}.</p>;
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

type DataForm = Awaited<ReturnType<typeof loadDecisionData>>;

/** The fields of the data, where its schema has any; they come in a chunk with the form of a new run. */
function useDataForm(isWanted: boolean): DataForm | null {
  const [form, setForm] = useState<DataForm | null>(null);
  useEffect(() => {
    // Without it the data are written as JSON.
    if (isWanted)
      loadDecisionData().then(
        (loaded) => setForm(() => loaded),
        () => {},
      );
  }, [isWanted]);
  return form;
}

async function loadDecisionData() {
  const [{ DecisionData, readData, toInputs }] = await Promise.all([
    import('./decision-data.tsx'),
    loadStyles(SCREENS_STYLE_PATH),
  ]);
  return { DecisionData, readData, toInputs };
}

function DecisionBox({ detail }: { detail: StepDetail }) {
  const { store } = useRunScope();
  const schema = detail.dataSchema;
  const [comment, setComment] = useState('');
  const form = useDataForm(schema !== null && Object.keys((schema.properties ?? {}) as object).length > 0);
  const [isJson, setJson] = useState(false);
  /** What the person has made of the data so far. */
  const [data, setData] = useState<DataInput>({ json: toFirstData(schema), inputs: {} });
  const [faults, setFaults] = useState<ReadonlyMap<string, string>>(new Map());
  const approved = useRef(true);
  const commentId = useId();
  const dataId = useId();
  const asFields = form !== null && schema !== null && !isJson;
  const { submit, fault, isSending } = useSending((key) => {
    const given = schema === null || (!approved.current && isUntouched(data, asFields)) ? {} : { data: read() };
    const body = { approved: approved.current, ...(comment === '' ? {} : { comment }), ...given };
    return post(apiPath(store.id, `/steps/${encodeURIComponent(detail.id)}/decision`), body, { key });
  }, 'The decision is taken: the run goes on');
  const read = (): unknown => (asFields ? form.readData(schema, data.inputs).data : JSON.parse(data.json));
  const decide = (isApproved: boolean) => () => {
    approved.current = isApproved;
    const found = asFields && isApproved ? form.readData(schema, data.inputs).faults : new Map<string, string>();
    setFaults(found);
    if (found.size === 0) void submit();
  };
  const isOff = isSending || whyDisabled.value !== null;
  return (
    <form class="drawer-need" aria-label="Decide" onSubmit={(event) => event.preventDefault()}>
      <b>This step waits for your decision</b>
      <p class="need-message">{toSafeText(detail.message ?? 'Approve it, and the run goes on.')}</p>
      <Until detail={detail} />
      {asFields ? (
        <form.DecisionData
          schema={schema}
          inputs={data.inputs}
          faults={faults}
          change={(inputs) => {
            setData({ ...data, inputs });
            setFaults(new Map());
          }}
        />
      ) : schema === null ? null : (
        <>
          <label class="form-label" for={dataId}>
            Data as JSON
          </label>
          <textarea
            id={dataId}
            class="field-input mono"
            rows={4}
            spellcheck={false}
            value={data.json}
            onInput={({ currentTarget }) => setData({ ...data, json: currentTarget.value })}
          />
        </>
      )}
      {form === null || schema === null ? null : (
        <button
          type="button"
          class="text-button"
          onClick={() => {
            if (asFields) setData({ ...data, json: JSON.stringify(read(), null, 2) });
            else setData({ ...data, inputs: form.toInputs(schema, data.json) ?? data.inputs });
            setJson(!isJson);
          }}
        >
          {isJson ? 'Fill in fields' : 'Write it as JSON'}
        </button>
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
      <div class="form-row need-actions">
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

interface DataInput {
  readonly json: string;
  readonly inputs: FormInputs;
}

/** A rejection needs no data. */
function isUntouched({ json, inputs }: DataInput, asFields: boolean): boolean {
  return asFields ? Object.keys(inputs).length === 0 : json.trim() === '';
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
