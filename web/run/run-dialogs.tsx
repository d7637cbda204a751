/** Branching from a step with other params, and raising a budget that is used up. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { navigate, runPath } from '../route.ts';
import { Dialog } from '../ui/dialog.tsx';
import { toast } from '../ui/toast.tsx';
import { get, newKey, post } from '../wire/api.ts';
import { detailOf, Problem } from '../wire/problem.ts';
import { apiPath, branchFrom, openDialog } from './allowed.ts';
import { useRun, useRunScope } from './run-context.ts';

const close = (): void => {
  openDialog.value = null;
};

/** What the engine has refused, field by field. */
export function ProblemLines({ error }: { error: unknown }) {
  if (error === null) return null;
  const fields = error instanceof Problem ? error.errors : [];
  return (
    <div class="form-fault" role="alert">
      {fields.length === 0 ? <p>{detailOf(error)}</p> : null}
      {fields.map(({ path, message }) => (
        <p key={`${path} ${message}`}>
          <b>{toSafeLine(path)}</b> {toSafeLine(message)}
        </p>
      ))}
    </div>
  );
}

interface StepChoiceProps {
  readonly id: string;
  readonly stepId: string;
  choose(stepId: string): void;
}

/** A list of all steps; of a large run the id is written. */
function StepChoice({ id, stepId, choose }: StepChoiceProps) {
  const run = useRun();
  const onChange = ({ currentTarget }: { currentTarget: { value: string } }) => choose(currentTarget.value);
  if (run.ids.length > 500) return <input id={id} class="field-input" value={stepId} onChange={onChange} />;
  return (
    <select id={id} class="field-input" value={stepId} onChange={onChange}>
      {run.ids.map((one, i) => (
        <option key={one} value={one}>
          {toSafeLine(run.names[i]!)}
        </option>
      ))}
    </select>
  );
}

export function BranchDialog() {
  const { store } = useRunScope();
  const [stepId, setStepId] = useState(branchFrom(store) ?? '');
  const [text, setText] = useState<string | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const written = useRef('');
  const key = useRef(newKey());
  const selectId = useId();
  const textId = useId();
  useEffect(() => {
    let isWanted = true;
    setText(null);
    get<WorkflowStep>(apiPath(store.id, `/steps/${encodeURIComponent(stepId)}`)).then(
      ({ params }) => {
        if (!isWanted) return;
        written.current = JSON.stringify(params, null, 2);
        setText(written.current);
      },
      (error: unknown) => {
        if (isWanted) setFault(error);
      },
    );
    return () => {
      isWanted = false;
    };
  }, [stepId]);
  const send = async (): Promise<void> => {
    // Its params are not there yet: nobody could have changed them.
    if (text === null) return;
    try {
      const params = text === written.current ? {} : { params: JSON.parse(text) as unknown };
      const branch = await post<Workflow>(apiPath(store.id, '/branches'), { stepId, ...params }, { key: key.current });
      close();
      navigate(runPath(branch.id));
      toast({ text: 'The branch runs' });
    } catch (error) {
      key.current = newKey();
      setFault(error);
    }
  };
  return (
    <Dialog
      title="Branch from a step"
      onClose={close}
      actions={
        <>
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="button" class="button primary" aria-disabled={text === null} onClick={() => void send()}>
            Run the branch
          </button>
        </>
      }
    >
      <p>A new run begins: it takes over what does not hang on the step, and runs the step and all behind it again.</p>
      <label class="form-label" for={selectId}>
        Step
      </label>
      <StepChoice id={selectId} stepId={stepId} choose={setStepId} />
      <label class="form-label" for={textId}>
        Its params as JSON
      </label>
      <textarea
        id={textId}
        class="field-input mono"
        rows={8}
        spellcheck={false}
        value={text ?? 'Reading…'}
        disabled={text === null}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <ProblemLines error={fault} />
    </Dialog>
  );
}

const budgetFields = [
  ['usd', 'US dollars', '0.01'],
  ['tokens', 'Tokens', '1'],
  ['calls', 'Calls', '1'],
] as const;

export function BudgetDialog() {
  const { store } = useRunScope();
  const [values, setValues] = useState<Record<string, string>>({});
  const [fault, setFault] = useState<unknown>(null);
  const key = useRef(newKey());
  const baseId = useId();
  useEffect(() => {
    get<Pick<Workflow, 'budget'>>(apiPath(store.id)).then(
      ({ budget }) => {
        const known = budgetFields.flatMap(([name]) =>
          budget?.[name] === undefined ? [] : [[name, String(budget[name])] as const],
        );
        setValues(Object.fromEntries(known));
      },
      () => undefined,
    );
  }, []);
  const send = async (): Promise<void> => {
    const given = Object.entries(values).filter(([, value]) => value !== '');
    try {
      const budget = Object.fromEntries(given.map(([name, value]) => [name, Number(value)]));
      await post(apiPath(store.id, '/resume'), { budget }, { key: key.current });
      close();
    } catch (error) {
      key.current = newKey();
      setFault(error);
    }
  };
  return (
    <Dialog
      title="Raise the budget"
      onClose={close}
      actions={
        <>
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="button" class="button primary" onClick={() => void send()}>
            Go on
          </button>
        </>
      }
    >
      <p>The run waits because its budget is used up. With the new bounds it goes on.</p>
      {budgetFields.map(([name, label, step]) => (
        <div key={name}>
          <label class="form-label" for={`${baseId}-${name}`}>
            {label}
          </label>
          <input
            id={`${baseId}-${name}`}
            class="field-input"
            type="number"
            min="0"
            step={step}
            value={values[name] ?? ''}
            onInput={({ currentTarget }) => setValues({ ...values, [name]: currentTarget.value })}
          />
        </div>
      ))}
      <ProblemLines error={fault} />
    </Dialog>
  );
}
