/** Where a capture can go: a step that waits for data, or a template that takes a page. */
import type { WaitingStep } from '../src/contract/decision.ts';
import type { Template } from '../src/contract/definition.ts';

type Accepts = NonNullable<Template['accepts']>;

/** Which param of a template each part of the page goes into. */
export type PageParts = Accepts['page'];

export interface StepTarget {
  readonly kind: 'step';
  readonly workflowId: string;
  readonly stepId: string;
  readonly name: string;
}

export interface TemplateTarget {
  readonly kind: 'template';
  readonly templateId: string;
  readonly name: string;
  readonly parts: PageParts;
}

export type Target = StepTarget | TemplateTarget;

/** A template as `GET /api/templates` tells it, as far as it matters here. */
export interface ListedTemplate {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly params?: { readonly required?: unknown };
  readonly accepts?: Accepts;
}

export interface PageTemplate {
  readonly target: TemplateTarget;
  readonly description: string;
  /** Params that a page does not fill: with any, it cannot be started from here. */
  readonly missing: readonly string[];
}

export function toStepTarget({ workflow_id, step_id, name }: WaitingStep): StepTarget {
  return { kind: 'step', workflowId: workflow_id, stepId: step_id, name };
}

/** Null for a template that takes no page. */
export function toPageTemplate({ id, name, description, params, accepts }: ListedTemplate): PageTemplate | null {
  if (accepts === undefined) return null;
  const filled = new Set(Object.values(accepts.page));
  const required = Array.isArray(params?.required) ? params.required.filter((one) => typeof one === 'string') : [];
  return {
    target: { kind: 'template', templateId: id, name, parts: accepts.page },
    description: description ?? '',
    missing: required.filter((param) => !filled.has(param)),
  };
}

/** The same for the same place, and for no other. */
export function targetKey(target: Target): string {
  return target.kind === 'step' ? `step|${target.workflowId}|${target.stepId}` : `template|${target.templateId}`;
}
