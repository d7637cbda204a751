/**
 * The templates that the `workflow` steps of a definition can reach. They are read when a workflow is made from it and
 * travel with it, so that an edit of a file changes nothing that runs.
 *
 * Rules, numbered for tests:
 *   CL1  each template is there and sound, its schemas of decisions' data included, and none reaches itself;
 *   CL2  workflows within workflows go `limits.childDepthMax` deep at most;
 *   CL3  params that are written out are held against the schema of the template that they are for; those that
 *        references fill are checked when the workflow begins.
 */
import { type Template, templateIdSchema, type WorkflowDefinition } from '../contract/definition.ts';
import { type FieldError, Refusal } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import { limits } from '../contract/limits.ts';
import { didYouMean } from '../contract/nearest.ts';
import { eachReference } from '../core/references.ts';
import { workflowAction } from '../core/step-state.ts';
import { stepsWithin, type Visited } from '../core/steps-within.ts';
import { type ValidationOptions, validateDefinition } from '../core/validate.ts';
import type { TemplateSource } from './templates.ts';

type Definition = Pick<Template, 'steps' | 'finally'>;

export interface CalledTemplates {
  /** By id, without what only a file says. */
  readonly templates: Record<string, Template>;
  /** Paths as in `steps[0].params.template`. */
  readonly errors: FieldError[];
  /** Lines about the texts of the templates. */
  readonly told: string[];
}

export interface CalledTemplatesOptions {
  readonly source: TemplateSource;
  readonly validation: ValidationOptions;
  /** What is wrong with the JSON Schemas that approvals ask data by. */
  findDataSchemaFaults(definition: WorkflowDefinition): FieldError[];
}

/** `own`: the id of the template that the definition is made from; null for any other definition. */
export async function readCalledTemplates(
  definition: Definition,
  own: string | null,
  options: CalledTemplatesOptions,
): Promise<CalledTemplates> {
  const search = new Search(options);
  const errors = await search.findFaults(definition, own === null ? [] : [own]);
  const templates = Object.fromEntries(search.found);
  const { length } = JSON.stringify(templates);
  if (errors.length === 0 && length > limits.creatingBodyBytesMax) {
    const message = `the templates that workflow steps can reach have ${length} characters; ${limits.creatingBodyBytesMax} is the most`;
    errors.push({ path: 'steps', message });
  }
  return { templates, errors, told: search.told };
}

/** Of a step that names its template, as far as it is sound. */
interface Call extends Visited {
  readonly id: string;
  readonly params: unknown;
  readonly within: Definition;
}

class Search {
  readonly found = new Map<string, Template>();
  readonly told: string[] = [];
  readonly #source: TemplateSource;
  readonly #validation: ValidationOptions;
  readonly #findDataSchemaFaults: CalledTemplatesOptions['findDataSchemaFaults'];
  /** How deep each template goes, itself included, and by which way. */
  readonly #ways = new Map<string, readonly string[]>();
  readonly #checked = new Map<string, string | null>();

  constructor({ source, validation, findDataSchemaFaults }: CalledTemplatesOptions) {
    this.#source = source;
    this.#validation = validation;
    this.#findDataSchemaFaults = findDataSchemaFaults;
  }

  /** `above`: the templates around, the outermost first. */
  async findFaults(definition: Definition, above: readonly string[]): Promise<FieldError[]> {
    const errors: FieldError[] = [];
    for (const call of toCalls(definition)) {
      const fault = await this.#findFault(call.id, above, call.params);
      if (fault !== null) errors.push({ path: toFieldPath([...call.path, 'params', 'template']), message: fault });
      else for (const error of await this.#findParamFaults(call)) errors.push(error);
    }
    return errors;
  }

  /** CL1 and CL2: what keeps the template from being called. */
  async #findFault(id: string, above: readonly string[], params: unknown): Promise<string | null> {
    if (!templateIdSchema.safeParse(id).success) {
      return 'expected the id of a template, without references: its definition is copied when the workflow is created';
    }
    if (above.includes(id)) {
      const circle = [...above.slice(above.indexOf(id)), id];
      return `these templates call each other in a circle: ${circle.join(' → ')}`;
    }
    const found = await this.#find(id);
    if (typeof found === 'string') return found;
    const fault = this.#validate(found, params) ?? (await this.#findFaultWithin(found, above));
    if (fault !== null) return `template "${id}" cannot be called: ${fault}`;
    const way = this.#ways.get(id) ?? [id];
    if (way.length <= limits.childDepthMax) return null;
    return `workflows within workflows go ${limits.childDepthMax} deep at most, and here it is ${way.join(' → ')}`;
  }

  async #findFaultWithin(template: Template, above: readonly string[]): Promise<string | null> {
    const { id } = template;
    if (this.#ways.has(id)) return null;
    const [first] = await this.findFaults(template, [...above, id]);
    if (first !== undefined) return `${first.path}: ${first.message}`;
    const ways = toCalls(template).map((call) => this.#ways.get(call.id) ?? [call.id]);
    const longest = ways.reduce<readonly string[]>((a, b) => (b.length > a.length ? b : a), []);
    this.#ways.set(id, [id, ...longest]);
    return null;
  }

  /** The template, or why there is none. */
  async #find(id: string): Promise<Template | string> {
    const known = this.found.get(id);
    if (known !== undefined) return known;
    const read = await this.#source.find(id);
    if (read !== undefined) {
      const { schedule: _, ...template } = read.template;
      this.found.set(id, template);
      for (const line of read.told) this.told.push(`template ${id}: ${line}`);
      return template;
    }
    const problem = (await this.#source.problems()).find(({ ids }) => ids.includes(id));
    if (problem !== undefined) return `template "${id}" has a fault: ${problem.file}: ${problem.message}`;
    const ids = (await this.#source.list()).map((template) => template.id);
    return `there is no template "${id}"${didYouMean(id, ids)}`;
  }

  /** As a run with params of these names is checked. */
  #validate(template: Template, given: unknown): string | null {
    const names = [...Object.keys((given ?? {}) as object), ...listSure(template)].sort();
    const key = JSON.stringify([template.id, names]);
    const known = this.#checked.get(key);
    if (known !== undefined) return known;
    const { id: _, params: schema, ...definition } = template;
    const params = Object.fromEntries(names.map((name) => [name, null]));
    const declaredParams = Object.keys(toProperties(schema));
    const checked = validateDefinition({ ...definition, params }, { ...this.#validation, told: [], declaredParams });
    const [first] = checked.ok ? this.#findDataSchemaFaults(checked.definition) : checked.errors;
    const fault = first === undefined ? null : `${first.path}: ${first.message}`;
    this.#checked.set(key, fault);
    return fault;
  }

  /** CL3. */
  async #findParamFaults({ id, path, names, params, within }: Call): Promise<FieldError[]> {
    const template = this.found.get(id);
    if (template === undefined || typeof params === 'string') return [];
    const ids = new Set([...stepsWithin(within)].map(({ step }) => step.id));
    const open: string[] = [];
    eachReference(params, { isStep: (step) => ids.has(step), names }, (_, place) => {
      open.push(toFieldPath(['params', ...place]));
    });
    const isOpen = (place: string) => open.some((each) => isWithin(each, place) || isWithin(place, each));
    try {
      await this.#source.instantiate(template, structuredClone((params ?? {}) as Record<string, unknown>));
      return [];
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'INVALID') throw error;
      const errors = error.toData().errors ?? [{ path: 'params', message: error.detail }];
      return errors
        .filter((each) => !isOpen(each.path))
        .map((each) => ({ path: `${toFieldPath([...path, 'params'])}.${each.path}`, message: each.message }));
    }
  }
}

/** Whether one place is the other, or lies in it. */
function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`);
}

function toCalls(definition: Definition): Call[] {
  return [...stepsWithin(definition)].flatMap((visited): Call[] => {
    const { action, params: given } = visited.step;
    const { template: id, params } = (given ?? {}) as { template?: unknown; params?: unknown };
    if (action !== workflowAction || typeof id !== 'string') return [];
    return [{ ...visited, id, params, within: definition }];
  });
}

/** The params that every run of a template has. */
function listSure({ params: schema }: Template): string[] {
  const required = Array.isArray(schema?.required) ? schema.required.map(String) : [];
  const withDefault = Object.entries(toProperties(schema)).flatMap(([name, property]) =>
    typeof property === 'object' && property !== null && 'default' in property ? [name] : [],
  );
  return [...new Set([...required, ...withDefault])];
}

function toProperties(schema: Record<string, unknown> | undefined): Record<string, unknown> {
  const properties = schema?.properties;
  return typeof properties === 'object' && properties !== null ? (properties as Record<string, unknown>) : {};
}
