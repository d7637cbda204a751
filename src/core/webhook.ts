/**
 * What a webhook's `when` and `params` say of a delivery, and what is wrong with them before one has come.
 *
 * Rules, numbered for tests:
 *   HD1  `body`, `headers` and `query` are the only references of a webhook; values replace them in one pass;
 *   HD2  a condition that comes out as neither true nor false is a refusal, and makes nothing.
 */
import { type FieldError, invalid } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { type DeliveryData, deliveryNames, type TemplateWebhook } from '../contract/webhook.ts';
import { BindingError, bindAny } from './bindings.ts';
import { checkCondition, evaluateCondition, toConditionFault } from './condition.ts';
import { eachReference, type Reference } from './references.ts';
import { findMisplacedSecrets } from './step-secrets.ts';

const names: ReadonlySet<string> = new Set(deliveryNames);
const nobody = () => false;

/** Paths begin with `webhook`. */
export function findWebhookFaults({ when, params = {} }: TemplateWebhook): FieldError[] {
  const known = { params: [], steps: new Map(), known: new Set<string>(), items: deliveryNames, roots: [] };
  const ofWhen = when === undefined ? [] : checkCondition(when, known);
  const faults = ofWhen.map((message) => ({ path: 'webhook.when', message }));
  for (const fault of findMisplacedSecrets({ when, params }, ['webhook'])) faults.push(fault);
  const secret = new Set(faults.map(({ path }) => path));
  eachReference(
    params,
    { isStep: nobody, names },
    (reference, path) => {
      const message = findReferenceFault(reference);
      const place = toFieldPath(path);
      if (message !== undefined && !secret.has(place)) faults.push({ path: place, message });
    },
    ['webhook', 'params'],
  );
  return faults;
}

function findReferenceFault(reference: Reference): string | undefined {
  if (reference.kind === 'item' || reference.kind === 'value') return undefined;
  if (reference.kind === 'malformed') return `{{${reference.text}}} is not a reference: ${reference.reason}`;
  return `{{${reference.text}}}: the params of a webhook refer to body, headers and query alone`;
}

/** HD2. Whether the delivery is to make a workflow. Throws a Refusal. */
export function isWanted({ when }: TemplateWebhook, data: DeliveryData): boolean {
  if (when === undefined) return true;
  const verdict = evaluateCondition(when, { params: {}, steps: {}, items: { ...data } });
  if ('value' in verdict) return verdict.value;
  throw refused('webhook.when', toConditionFault(when, verdict.fault));
}

/** HD1. The params of the run. Throws a Refusal. */
export function bindDelivery({ params = {} }: TemplateWebhook, data: DeliveryData): Record<string, unknown> {
  const itemOf = (name: string) => data[name as keyof DeliveryData];
  const sources = { params: {}, isStep: nobody, outputsOf: nobody, names, itemOf };
  const bound: [string, unknown][] = [];
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries(params)) {
    try {
      bound.push([name, bindAny(value, sources)]);
    } catch (error) {
      if (!(error instanceof BindingError)) throw error;
      errors.push({ path: toFieldPath(['webhook', 'params', name]), message: error.message });
    }
  }
  if (errors.length === 0) return Object.fromEntries(bound) as JsonObject;
  throw invalid('The delivery does not have what the webhook refers to', errors);
}

function refused(path: string, message: string) {
  return invalid('The delivery cannot be judged', [{ path, message }]);
}
