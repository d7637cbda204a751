/** The thread in which definitions are checked for callers of the engine, so that a deadline can end the check. */
import type { ValidationReply } from '../contract/dry-run.ts';
import type { SecretHosts } from '../contract/secret-store.ts';
import { checkDefinitionText } from './check-definition.ts';

export interface DefinitionText {
  readonly text: string;
  readonly allowUnknown: boolean;
  readonly secretStore: SecretHosts;
}

/** An answer has room for so many. */
const shownMax = 1_000;

export default async function check({ text, allowUnknown, secretStore }: DefinitionText): Promise<ValidationReply> {
  const { faults, notes } = await checkDefinitionText(text, allowUnknown, secretStore);
  const errors = faults.slice(0, shownMax).map(({ path, message, position }) => ({ path, message, ...position }));
  return { errors, warnings: notes.slice(0, shownMax) };
}
