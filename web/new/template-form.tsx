/** A run of one template: its form, and the run as a command. */
import { Validator } from '@cfworker/json-schema';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Template } from '../../src/contract/definition.ts';
import type { DryRunReply } from '../../src/contract/dry-run.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { useKeys } from '../keys.ts';
import { navigate, runPath } from '../route.ts';
import { copyText } from '../ui/copy.ts';
import { Icon } from '../ui/icon.tsx';
import { Menu } from '../ui/menu.tsx';
import { newKey, post } from '../wire/api.ts';
import { whyDisabled } from '../wire/connection.ts';
import { detailOf, Problem } from '../wire/problem.ts';
import { hasToken } from '../wire/token.ts';
import { toCli, toCurl } from './commands.ts';
import { dropDraft, keepDraft, readDraft } from './draft.ts';
import { DryRun } from './dry-run.tsx';
import { type FormInputs, fieldOfPath, initialInputs, type JsonSchema, readForm, toFields } from './form-value.ts';
import { SchemaForm } from './schema-form.tsx';

const draftMs = 400;

export interface TemplateFormProps {
  readonly template: Template;
  /** Params of a run that is run again. */
  readonly given: Readonly<Record<string, unknown>> | null;
  edit(params: Readonly<Record<string, unknown>>): void;
}

export function TemplateForm({ template, given, edit }: TemplateFormProps) {
  const schema = (template.params ?? {}) as JsonSchema;
  const fields = useMemo(() => toFields(schema), [template.id]);
  const place = `form ${template.id}`;
  const [inputs, setInputs] = useState<FormInputs>(() => ({
    ...initialInputs(fields, given ?? {}),
    ...readDraft<FormInputs>(place),
  }));
  const [faults, setFaults] = useState<ReadonlyMap<string, string>>(new Map());
  const [general, setGeneral] = useState<readonly string[]>([]);
  const [reply, setReply] = useState<DryRunReply | null>(null);
  const [isBusy, setBusy] = useState(false);
  const key = useRef(newKey());
  const isTouched = useRef(false);
  useEffect(() => {
    if (!isTouched.current) return;
    const timer = setTimeout(() => keepDraft(place, inputs), draftMs);
    return () => clearTimeout(timer);
  }, [inputs]);
  const look = (): Readonly<Record<string, unknown>> | null => {
    const { params, found } = checkAll(fields, schema, inputs);
    setFaults(found);
    setGeneral(
      found.size === 0 ? [] : [`${found.size === 1 ? 'One field needs' : `${found.size} fields need`} a look`],
    );
    return found.size === 0 ? params : null;
  };
  const call = async (what: 'run' | 'dry-run') => {
    const params = look();
    if (params === null || isBusy || whyDisabled.value !== null) return;
    setBusy(true);
    setReply(null);
    try {
      const body = { template_id: template.id, params };
      if (what === 'dry-run') setReply(await post<DryRunReply>('/api/workflows/from-template/dry-run', body));
      else {
        const run = await post<Workflow>('/api/workflows/from-template', body, { key: key.current });
        dropDraft(place);
        navigate(runPath(run.id));
      }
    } catch (error) {
      const problems = error instanceof Problem ? error.errors : [];
      const placed = problems.map((one) => ({ ...one, field: fieldOfPath(fields, one.path) }));
      setFaults(new Map(placed.flatMap(({ field, message }) => (field === null ? [] : [[field, message]]))));
      const rest = placed.filter(({ field }) => field === null).map(({ path, message }) => `${path} ${message}`.trim());
      setGeneral([detailOf(error), ...rest]);
    } finally {
      setBusy(false);
    }
  };
  const params = () => readForm(fields, inputs).params;
  const command = () => ({ template: template.id, params: params(), origin: location.origin, needsToken: hasToken() });
  useKeys([
    { key: 'Ctrl Enter', label: 'Dry run', group: 'New run', run: () => void call('dry-run') },
    { key: 'Ctrl Shift Enter', label: 'Run', group: 'New run', run: () => void call('run') },
  ]);
  const why = whyDisabled.value;
  return (
    <form
      class="run-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void call('run');
      }}
    >
      <div class="card">
        {fields.length === 0 ? <p class="muted">This template takes no params.</p> : null}
        <SchemaForm
          fields={fields}
          inputs={inputs}
          faults={faults}
          change={(name, input) => {
            // Another body under one key would be refused.
            key.current = newKey();
            isTouched.current = true;
            setInputs((before) => ({ ...before, [name]: input }));
            if (faults.has(name)) setFaults(new Map([...faults].filter(([one]) => one !== name)));
          }}
          leave={(name) => {
            const fault = checkAll(fields, schema, inputs).found.get(name);
            if (fault !== undefined && isTouched.current) setFaults(new Map([...faults, [name, fault]]));
          }}
        />
      </div>
      {general.length === 0 ? null : (
        <div class="notice fail" role="alert">
          {general.map((line) => (
            <p key={line}>{line}</p>
          ))}
        </div>
      )}
      <div class="form-actions">
        <button
          type="submit"
          class="button primary"
          disabled={isBusy || why !== null}
          title={why ?? 'Ctrl Shift Enter'}
        >
          <Icon name="play" size={14} />
          Run
        </button>
        <button type="button" class="button" disabled={isBusy} title="Ctrl Enter" onClick={() => void call('dry-run')}>
          Dry run
        </button>
        <button type="button" class="button" onClick={() => edit(params())}>
          <Icon name="edit" size={14} />
          Edit as YAML
        </button>
        <span class="grow" />
        <Menu
          label="Copy as a command"
          items={[
            { label: 'Copy as curl', run: () => void copyText(toCurl(command()), 'The command') },
            { label: 'Copy as CLI', run: () => void copyText(toCli(command()), 'The command') },
          ]}
        >
          <Icon name="copy" size={14} />
          Copy as…
        </Menu>
      </div>
      {reply === null ? null : <DryRun reply={reply} />}
    </form>
  );
}

/** The faults of the inputs themselves, and where there is none at a field, those that its schema finds. */
function checkAll(
  fields: ReturnType<typeof toFields>,
  schema: JsonSchema,
  inputs: FormInputs,
): { params: Readonly<Record<string, unknown>>; found: ReadonlyMap<string, string> } {
  const { params, faults } = readForm(fields, inputs);
  const found = new Map(faults);
  const { errors } = new Validator(schema, '2020-12', false).validate(params);
  for (const { instanceLocation, error, keyword } of errors) {
    const field = fieldOfPath(fields, instanceLocation);
    if (field !== null && keyword !== 'properties' && !found.has(field)) found.set(field, error.replace(/\.$/, ''));
  }
  return { params, found };
}
