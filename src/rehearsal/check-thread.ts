/** The thread in which definitions are checked for callers of the engine, so that a deadline can end the check. */
import type { ValidationReply } from '../contract/dry-run.ts';
import type { SecretHosts } from '../contract/secret-store.ts';
import type { TemplateSource } from '../engine/templates.ts';
import { createTemplateCatalogue } from '../templates/catalogue.ts';
import { instantiate } from '../templates/instantiate.ts';
import { checkDefinitionText } from './check-definition.ts';

export interface DefinitionText {
  readonly text: string;
  readonly allowUnknown: boolean;
  readonly secretStore: SecretHosts;
  /** Holds the templates that steps can call. */
  readonly templatesDir: string;
}

/** An answer has room for so many. */
const shownMax = 1_000;

export default async function check(given: DefinitionText): Promise<ValidationReply> {
  const { text, templatesDir, ...known } = given;
  const source: TemplateSource = {
    ...createTemplateCatalogue(templatesDir),
    instantiate: async (template, params) => instantiate(template, params),
    close: async () => undefined,
  };
  const { faults, notes } = await checkDefinitionText(text, { ...known, source });
  const errors = faults.slice(0, shownMax).map(({ path, message, position }) => ({ path, message, ...position }));
  return { errors, warnings: notes.slice(0, shownMax) };
}
