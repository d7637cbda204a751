/** A field for each param of a template. A file that is dropped into a text field is read into it. */
import { useId, useState } from 'preact/hooks';
import { Icon } from '../ui/icon.tsx';
import { bytesText } from '../ui/money.ts';
import { toast } from '../ui/toast.tsx';
import type { FieldInput, FormField, FormInputs } from './form-value.ts';

const fileBytesMax = 8 * 1024 * 1024;

export interface SchemaFormProps {
  readonly fields: readonly FormField[];
  readonly inputs: FormInputs;
  /** By field. */
  readonly faults: ReadonlyMap<string, string>;
  change(name: string, input: FieldInput): void;
  /** A person has left the field. */
  leave(name: string): void;
}

export function SchemaForm({ fields, inputs, faults, change, leave }: SchemaFormProps) {
  return (
    <>
      {fields.map((field) => (
        <FieldRow
          key={field.name}
          field={field}
          input={inputs[field.name] ?? field.initial}
          fault={faults.get(field.name) ?? null}
          change={(input) => change(field.name, input)}
          leave={() => leave(field.name)}
        />
      ))}
    </>
  );
}

interface FieldProps {
  readonly field: FormField;
  readonly input: FieldInput;
  readonly fault: string | null;
  change(input: FieldInput): void;
  leave(): void;
}

function FieldRow(props: FieldProps) {
  const { field, input, fault, change } = props;
  const id = useId();
  const isDefault = field.hasDefault && JSON.stringify(input) === JSON.stringify(field.initial);
  return (
    <div class="field">
      <div class="field-head">
        <label for={id}>{field.label}</label>
        {field.isRequired ? <span class="muted">required</span> : null}
        {isDefault ? <span class="muted">{isEmptyInput(field.initial) ? 'optional' : 'default'}</span> : null}
        {field.isRequired || field.hasDefault ? null : <span class="muted">optional</span>}
        {field.example === null || JSON.stringify(field.example) === JSON.stringify(input) ? null : (
          <button type="button" class="text-button" onClick={() => change(field.example ?? '')}>
            Use example
          </button>
        )}
      </div>
      {field.description === '' ? null : (
        <p id={`${id}-about`} class="field-about">
          {field.description}
        </p>
      )}
      <FieldControl {...props} id={id} />
      <p id={`${id}-fault`} class="field-error" role="alert">
        {fault}
      </p>
    </div>
  );
}

function isEmptyInput(input: FieldInput): boolean {
  return input === '' || (Array.isArray(input) && input.length === 0);
}

function FieldControl(props: FieldProps & { id: string }) {
  const { field, input, fault, change, leave, id } = props;
  const shared = {
    id,
    class: 'field-input',
    'aria-describedby': `${field.description === '' ? '' : `${id}-about `}${id}-fault`,
    'aria-invalid': fault !== null,
    'aria-required': field.isRequired,
    onBlur: leave,
  };
  const text = typeof input === 'string' ? input : '';
  const placeholder = typeof field.example === 'string' ? field.example.slice(0, 120) : undefined;
  switch (field.kind) {
    case 'switch':
      return (
        <input
          {...shared}
          class="switch"
          type="checkbox"
          checked={input === true}
          onChange={(event) => change(event.currentTarget.checked)}
        />
      );
    case 'select':
      return (
        <select {...shared} value={text} onChange={(event) => change(event.currentTarget.value)}>
          {field.isRequired && field.hasDefault ? null : <option value="">–</option>}
          {field.choices.map((choice) => (
            <option key={choice.text} value={choice.text}>
              {choice.text}
            </option>
          ))}
        </select>
      );
    case 'number':
      return (
        <input
          {...shared}
          type="number"
          value={text}
          placeholder={placeholder}
          min={field.min ?? undefined}
          max={field.max ?? undefined}
          step={field.isInteger ? 1 : 'any'}
          onInput={(event) => change(event.currentTarget.value)}
        />
      );
    case 'chips':
      return <Chips {...props} shared={shared} />;
    default:
      return <TextControl {...props} shared={shared} text={text} placeholder={placeholder} />;
  }
}

interface TextProps extends FieldProps {
  readonly shared: Record<string, unknown>;
  readonly text: string;
  readonly placeholder: string | undefined;
}

const inputTypes = { url: 'url', email: 'email', time: 'datetime-local', text: 'text' } as const;

function TextControl({ field, text, placeholder, change, shared }: TextProps) {
  const [isOver, setOver] = useState(false);
  const [told, setTold] = useState<string | null>(null);
  const take = async (file: File | undefined) => {
    if (file === undefined) return;
    if (file.size > fileBytesMax) {
      toast({ text: `${file.name} is larger than ${bytesText(fileBytesMax)}`, tone: 'fail' });
      return;
    }
    change(await file.text());
    setTold(`${file.name}, ${bytesText(file.size)}`);
  };
  const drop = {
    onDragOver: (event: DragEvent) => {
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: () => setOver(false),
    onDrop: (event: DragEvent) => {
      const file = event.dataTransfer?.files[0];
      setOver(false);
      if (file === undefined) return;
      event.preventDefault();
      void take(file);
    },
  };
  const typed = {
    ...shared,
    ...drop,
    class: isOver ? 'field-input over' : 'field-input',
    value: text,
    placeholder,
    onInput: (event: { currentTarget: { value: string } }) => {
      setTold(null);
      change(event.currentTarget.value);
    },
  };
  const isArea = field.kind === 'area' || field.kind === 'json';
  return (
    <>
      {isArea ? (
        <textarea
          {...typed}
          class={field.kind === 'json' ? `${typed.class} mono` : typed.class}
          rows={field.kind === 'json' ? 5 : 6}
          spellcheck={false}
        />
      ) : (
        <input
          {...typed}
          type={inputTypes[field.kind as keyof typeof inputTypes] as 'text'}
          maxLength={field.lengthMax ?? undefined}
        />
      )}
      {isArea ? (
        <div class="file-line">
          <label class="file-button">
            <Icon name="download" size={13} />
            Take from a file
            <input
              type="file"
              class="visually-hidden"
              aria-label={`Take ${field.label} from a file`}
              onChange={(event) => void take(event.currentTarget.files?.[0])}
            />
          </label>
          <span class="muted">
            {told ?? (text.length > 1_000 ? bytesText(new Blob([text]).size) : 'or drop one here')}
          </span>
        </div>
      ) : null}
    </>
  );
}

function Chips({ input, change, shared, field }: FieldProps & { shared: Record<string, unknown> }) {
  const [text, setText] = useState('');
  const values = Array.isArray(input) ? (input as readonly string[]) : [];
  const add = () => {
    const value = text.trim();
    setText('');
    if (value !== '' && !values.includes(value)) change([...values, value]);
  };
  return (
    <div class="chips-field">
      {values.map((value) => (
        <span key={value} class="chip">
          {value}
          <button
            type="button"
            aria-label={`Remove ${value}`}
            onClick={() => change(values.filter((one) => one !== value))}
          >
            <Icon name="close" size={12} />
          </button>
        </span>
      ))}
      <input
        {...shared}
        type="text"
        value={text}
        placeholder={`Add to ${field.label}, Enter after each`}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' || (event.key === ',' && text !== '')) {
            event.preventDefault();
            add();
          } else if (event.key === 'Backspace' && text === '') change(values.slice(0, -1));
        }}
        onBlur={add}
      />
    </div>
  );
}
