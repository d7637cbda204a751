/** The templates behind the engine's calls: by id, with their faults, and as definitions to run. */
import type { Template, TemplateProblem, WorkflowDefinition } from '../contract/definition.ts';
import { Refusal } from '../contract/failures.ts';
import { didYouMean } from '../contract/nearest.ts';
import type { ValidationOptions } from '../core/validate.ts';

/** An answer has room for so many faults of templates. */
const problemsMax = 1_000;

interface FoundTemplate {
  readonly template: Template;
  readonly told: readonly string[];
}

/** The templates by id, and how to make a definition from one. */
export interface TemplateSource {
  list(): Promise<Template[]>;
  /** `told`: what is said about its text, for the warnings of what is made from it. */
  find(id: string): Promise<FoundTemplate | undefined>;
  /** Every fault of the files; `position` where the place in the file is known. */
  problems(): Promise<
    (Pick<TemplateProblem, 'file' | 'ids' | 'path' | 'message'> & {
      position: { line: number; column: number } | undefined;
    })[]
  >;
  /** Checks the params and rejects with a Refusal that names every bad one. */
  instantiate(template: Template, params: Record<string, unknown>): Promise<WorkflowDefinition>;
  close(): Promise<void>;
}

interface RunDefinition {
  readonly definition: unknown;
  /** Params that the template's schema declares; a run may have left some out. */
  readonly declaredParams: readonly string[];
  /** What was found out about the text of the template, for the workflow's `warnings`. */
  readonly told: readonly string[];
}

export class EngineTemplates {
  readonly #source: TemplateSource;
  readonly #known: ValidationOptions;

  constructor(source: TemplateSource, known: ValidationOptions) {
    this.#source = source;
    this.#known = known;
  }

  list(): Promise<Template[]> {
    return this.#source.list();
  }

  /** undefined where there is none, or one with faults. */
  async find(id: string): Promise<Template | undefined> {
    return (await this.#source.find(id))?.template;
  }

  /** Rejects with a Refusal where there is none, or one with faults. */
  async get(id: string): Promise<Template> {
    const found = await this.#source.find(id);
    if (found) return found.template;
    await this.#refuseFaulty(id);
    const known = (await this.#source.list()).map((other) => other.id);
    const detail = `There is no template with the id "${id.slice(0, 128)}"${didYouMean(id, known)}`;
    throw new Refusal({ code: 'NOT_FOUND', detail });
  }

  /** The definition of a run of a template. Rejects with a Refusal where there is none, or one with faults. */
  async toRun(id: string, params: Record<string, unknown>): Promise<RunDefinition> {
    const found = await this.#source.find(id);
    if (found) return this.#toRun(found, params);
    await this.#refuseFaulty(id);
    throw new Refusal({ code: 'NOT_FOUND', detail: `There is no template with the id "${id}"` });
  }

  async #toRun({ template, told }: FoundTemplate, params: Record<string, unknown>): Promise<RunDefinition> {
    const definition = await this.#source.instantiate(template, params);
    return { definition, declaredParams: Object.keys(template.params?.properties ?? {}), told };
  }

  /** The definition of a run with these params. An id that is no template's is the action of a single step. */
  async toDefinition(id: string, params: Record<string, unknown>): Promise<RunDefinition> {
    const { catalogue, unknownActions } = this.#known;
    const found = await this.#source.find(id);
    if (found) return this.#toRun(found, params);
    await this.#refuseFaulty(id);
    if (unknownActions === 'reject' && !catalogue.has(id)) {
      const known = [...(await this.#source.list()).map((other) => other.id), ...catalogue.keys()];
      const wayOut = `GET /api/templates and GET /api/actions list them${didYouMean(id, known)}`;
      const detail = `There is neither a template nor an action with the id "${id}"; ${wayOut}`;
      throw new Refusal({ code: 'NOT_FOUND', detail });
    }
    return { definition: toOneStep(id, params), declaredParams: [], told: [] };
  }

  async problems(): Promise<TemplateProblem[]> {
    const problems = await this.#source.problems();
    return problems.slice(0, problemsMax).map(({ position, ...problem }) => ({
      ...problem,
      line: position?.line ?? null,
      column: position?.column ?? null,
    }));
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  /** A template that is asked for by its id and has a fault: its file, the line and the fault. */
  async #refuseFaulty(id: string): Promise<void> {
    const problems = (await this.problems()).filter(({ ids }) => ids.includes(id));
    const [first] = problems;
    if (first === undefined) return;
    const errors = problems.map(({ file, path, message, line, column }) => {
      const place = line === null ? file : `${file}:${line}:${column}`;
      return { path: place, message: path === '' ? message : `${path}: ${message}` };
    });
    const detail = `The template "${id}" cannot be used: ${errors[0]?.path}: ${errors[0]?.message}`;
    throw new Refusal({ code: 'INVALID', detail, errors });
  }
}

/** The workflow for a template id that no file defines: one step, whose action is that id. */
function toOneStep(templateId: string, params: Record<string, unknown>): WorkflowDefinition {
  return {
    name: `Workflow from ${templateId}`,
    description: `Generated from template: ${templateId}`,
    params,
    steps: [{ id: 'step_1', name: `Initial Step - ${templateId}`, action: templateId, params }],
  };
}
