/** Every fault of the text of a template or a definition, each with its place. Nothing runs. */
import type { WorkflowDefinition } from '../contract/definition.ts';
import type { FieldError } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import { toKeepIt, toLostNumberLines, withLostNumbers } from '../contract/lost-numbers.ts';
import { didYouMean } from '../contract/nearest.ts';
import { type SecretHosts, secretNamePattern } from '../contract/secret-store.ts';
import type { ActionCatalogue } from '../contract/task.ts';
import { namedTemplates } from '../core/child.ts';
import { counted } from '../core/duration.ts';
import { stepsWithin, type Visited } from '../core/steps-within.ts';
import { validateDefinition } from '../core/validate.ts';
import { findWarnings } from '../core/warnings.ts';
import { readCalledTemplates } from '../engine/called-templates.ts';
import type { TemplateSource } from '../engine/templates.ts';
import { createActionCatalogue } from '../tasks/registry.ts';
import { findDataSchemaFaults } from '../templates/data-schema-faults.ts';
import { readSourceText, type SourceFault } from '../templates/source-text.ts';
import { readTemplateText } from '../templates/template-file.ts';
import { findExpressionFaults } from './expression-faults.ts';

/** What is wrong with a text, and what is seldom meant. */
export interface DefinitionCheck {
  faults: SourceFault[];
  notes: string[];
  summary: string;
}

export interface KnownToCheck {
  /** Actions and secrets that are not known here are no faults. */
  allowUnknown: boolean;
  secretStore: SecretHosts;
  /** The templates that steps can call. */
  source: TemplateSource;
}

export async function checkDefinitionText(
  text: string,
  { allowUnknown, secretStore, source: called }: KnownToCheck,
): Promise<DefinitionCheck> {
  const unknownActions = allowUnknown ? 'simulate' : 'reject';
  const source = readSourceText(text);
  if (source.kind === 'faulty') return { faults: source.faults, notes: [], summary: '' };
  const { value, locate, lost } = source;
  const isTemplate = isObject(value) && 'id' in value;
  const schema = isTemplate && isObject(value.params) ? value.params : undefined;

  const faults = isTemplate ? readTemplateFaults(text) : [];
  const catalogue = createActionCatalogue();
  const definition = isTemplate ? toDefinition(value, schema) : value;
  const checked = validateDefinition(definition, {
    catalogue,
    unknownActions,
    secretStore,
    declaredParams: Object.keys(toProperties(schema)),
  });
  const named = new Set(faults.map((fault) => fault.path));
  const { steps, last } = toSteps(definition);
  const visited = [...stepsWithin({ steps, finally: last })];
  // Actions are named here in an author's words, also those of steps that have other faults.
  const errors = checked.ok ? [] : checked.errors.filter(({ message }) => !message.startsWith('unknown action '));
  if (unknownActions === 'reject') for (const error of findUnknownActions(visited, catalogue)) errors.push(error);
  for (const fault of findDataSchemaFaults({ steps, finally: last }, { withSlips: true })) errors.push(fault);
  for (const fault of isTemplate ? findHookSecretFaults(value.webhook, secretStore) : []) errors.push(fault);
  const validation = { catalogue, unknownActions, secretStore } as const;
  const own = isTemplate && typeof value.id === 'string' ? value.id : null;
  for (const error of await findCallFaults(definition, own, { source: called, validation, findDataSchemaFaults }))
    errors.push(error);
  const places = new Set(errors.map(({ path }) => path));
  for (const fault of await findExpressionFaults(steps, last)) if (!places.has(fault.path)) errors.push(fault);
  const unknownSecrets: string[] = [];
  for (const error of withLostNumbers(errors, lost)) {
    if (allowUnknown && error.message.startsWith('there is no secret ')) {
      unknownSecrets.push(`${error.path}: ${error.message}`);
      continue;
    }
    // Without a schema a run may give whatever the steps refer to.
    if (named.has(error.path) || (isTemplate && schema === undefined && isAboutParam(error))) continue;
    const position = locate(toParts(error.path));
    faults.push({ path: error.path, message: explain(error), position });
  }
  const actions = visited.flatMap(({ step }) => (typeof step.action === 'string' ? [step.action] : []));
  const unknown = unknownActions === 'reject' ? [] : [...new Set(actions)].filter((action) => !catalogue.has(action));
  return {
    faults,
    notes: [
      ...unknownSecrets,
      ...unknown.map(
        (action) => `action ${action} is not known here and would be simulated${didYouMean(action, catalogue.keys())}`,
      ),
      ...findWarnings({
        steps,
        finally: last,
        params: Object.keys(toProperties(isTemplate ? schema : { properties: isObject(value) ? value.params : {} })),
        catalogue,
        namesSimulated: false,
        texts: isObject(value) ? { name: value.name, description: value.description } : {},
        told: toLostNumberLines(lost, toKeepIt.file),
      }),
    ],
    summary: `${isTemplate ? `template ${String(value.id)}` : 'definition'}, ${counted(visited.length, 'step')}`,
  };
}

/** Of steps that run a template as a workflow of its own. */
async function findCallFaults(
  definition: unknown,
  own: string | null,
  options: Parameters<typeof readCalledTemplates>[2],
): Promise<FieldError[]> {
  const { steps, last } = toSteps(definition);
  const written = { steps, finally: last } as unknown as Pick<WorkflowDefinition, 'steps' | 'finally'>;
  if (namedTemplates(written).length === 0) return [];
  return (await readCalledTemplates(written, own, options)).errors;
}

function findUnknownActions(visited: readonly Visited[], catalogue: ActionCatalogue): FieldError[] {
  return visited.flatMap(({ step, path }) => {
    if (typeof step.action !== 'string' || catalogue.has(step.action)) return [];
    const guess = didYouMean(step.action, catalogue.keys());
    const wayOut = 'a run would simulate it, and --allow-unknown lets that pass';
    return [{ path: toFieldPath([...path, 'action']), message: `unknown action "${step.action}"; ${wayOut}${guess}` }];
  });
}

/** A webhook without its secret takes no delivery. */
function findHookSecretFaults(webhook: unknown, store: SecretHosts): FieldError[] {
  const name = isObject(webhook) ? webhook.secret : undefined;
  if (typeof name !== 'string' || !secretNamePattern.test(name) || Object.hasOwn(store, name)) return [];
  const wayOut = `SECRET_${name}=… in the engine's environment adds it${didYouMean(name, Object.keys(store))}`;
  return [{ path: 'webhook.secret', message: `there is no secret "${name}"; ${wayOut}` }];
}

function toSteps(definition: unknown): { steps: unknown[]; last: unknown } {
  if (!isObject(definition)) return { steps: [], last: [] };
  return { steps: Array.isArray(definition.steps) ? definition.steps : [], last: definition.finally };
}

function readTemplateFaults(text: string): SourceFault[] {
  const read = readTemplateText(text);
  return read.kind === 'faulty' ? read.faults : [];
}

/** As a run makes it: with the params that every run has, because they are required or have a default. */
function toDefinition(template: Record<string, unknown>, schema: Record<string, unknown> | undefined): unknown {
  const { id: _, schedule: __, webhook: ___, accepts: ____, ...definition } = template;
  const required = Array.isArray(schema?.required) ? schema.required.map(String) : [];
  const withDefault = Object.entries(toProperties(schema)).flatMap(([name, property]) =>
    isObject(property) && 'default' in property ? [name] : [],
  );
  return { ...definition, params: Object.fromEntries([...required, ...withDefault].map((name) => [name, null])) };
}

function toProperties(schema: Record<string, unknown> | undefined): Record<string, unknown> {
  return isObject(schema?.properties) ? schema.properties : {};
}

function isAboutParam(error: FieldError): boolean {
  return error.message.includes(': the workflow has no param "');
}

function explain({ message }: FieldError): string {
  const isLeftOut = /: a run may leave the param ".*" out; /s.test(message);
  return isLeftOut ? `${message}, make it required, or give it a default` : message;
}

/** `steps[3].params.x` → ['steps', 3, 'params', 'x']. */
function toParts(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map((match) =>
    match[1] === undefined ? match[0] : Number(match[1]),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
