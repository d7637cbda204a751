/** What is wrong with the `webhook` and `accepts` of a template, as far as its file shows it. */
import type { Template } from '../contract/definition.ts';
import type { FieldError } from '../contract/failures.ts';
import { didYouMean } from '../contract/nearest.ts';
import { findWebhookFaults } from '../core/webhook.ts';

export function findDoorFaults(template: Template): FieldError[] {
  const { webhook, accepts, params: schema } = template;
  const ofWebhook = webhook === undefined ? [] : [...findWebhookFaults(webhook), ...findParamFaults(template)];
  if (accepts === undefined) return ofWebhook;
  const known = toNames(schema);
  const parts = Object.entries(accepts.page).flatMap(([part, param]) =>
    param === undefined ? [] : [[part, param] as const],
  );
  const unknown = parts.flatMap(([part, param]): FieldError[] => {
    if (known === null || known.includes(param)) return [];
    const message = `the template has no param "${param}"${didYouMean(param, known)}`;
    return [{ path: `accepts.page.${part}`, message }];
  });
  const none =
    parts.length > 0
      ? []
      : [{ path: 'accepts.page', message: 'name the param for a part of the page, as in html: page' }];
  return [...ofWebhook, ...unknown, ...none];
}

/** Params that are required and that no delivery fills, and those that the schema does not know. */
function findParamFaults({ webhook, params: schema }: Template): FieldError[] {
  const given = Object.keys(webhook?.params ?? {});
  const required = Array.isArray(schema?.required) ? schema.required.map(String) : [];
  const properties = toProperties(schema);
  const missing = required
    .filter((name) => !given.includes(name) && !hasDefault(properties[name]))
    .map((name) => ({
      path: 'webhook.params',
      message: `the template requires the param "${name}"; say what fills it`,
    }));
  const known = toNames(schema);
  const unknown = given.flatMap((name): FieldError[] => {
    if (known === null || known.includes(name)) return [];
    const message = `the template has no param "${name}"${didYouMean(name, known)}`;
    return [{ path: `webhook.params.${name}`, message }];
  });
  return [...missing, ...unknown];
}

/** null: the schema does not name all there can be. */
function toNames(schema: Record<string, unknown> | undefined): string[] | null {
  if (schema?.properties === undefined || (schema.additionalProperties ?? false) !== false) return null;
  const isOpen = ['patternProperties', '$ref', 'allOf', 'anyOf', 'oneOf', 'if'].some((keyword) => keyword in schema);
  return isOpen ? null : Object.keys(toProperties(schema));
}

function toProperties(schema: Record<string, unknown> | undefined): Record<string, unknown> {
  const { properties } = schema ?? {};
  return typeof properties === 'object' && properties !== null ? (properties as Record<string, unknown>) : {};
}

function hasDefault(property: unknown): boolean {
  return typeof property === 'object' && property !== null && 'default' in property;
}
