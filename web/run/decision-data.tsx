/** The data of a decision as fields, made from the schema that its step has; the form is that of a new run. */
import {
  type FieldInput,
  type FormInputs,
  initialInputs,
  type JsonSchema,
  readForm,
  toFields,
} from '../new/form-value.ts';
import { SchemaForm } from '../new/schema-form.tsx';

export interface DecisionDataProps {
  readonly schema: JsonSchema;
  /** Of fields that a person has changed. */
  readonly inputs: FormInputs;
  readonly faults: ReadonlyMap<string, string>;
  change(inputs: FormInputs): void;
}

export function DecisionData({ schema, inputs, faults, change }: DecisionDataProps) {
  return (
    <div class="drawer-fields">
      <SchemaForm
        fields={toFields(schema)}
        inputs={inputs}
        faults={faults}
        change={(name: string, input: FieldInput) => change({ ...inputs, [name]: input })}
        leave={() => undefined}
      />
    </div>
  );
}

/** The value that the fields make, and what is wrong with them, by field. */
export function readData(schema: JsonSchema, inputs: FormInputs) {
  const { params, faults } = readForm(toFields(schema), inputs);
  return { data: params, faults };
}

/** The fields of a value that was written as JSON; null where it is none of an object. */
export function toInputs(schema: JsonSchema, json: string): FormInputs | null {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return initialInputs(toFields(schema), value as Record<string, unknown>);
  } catch {
    return null; // What is no JSON stays as it was written.
  }
}
