/** What a step that waits for data takes, in words. Rules and types come from the workflow: they are made safe to show. */
import type { WaitingStep } from '../../src/contract/decision.ts';
import { toSafeLine } from '../output/safe-text.ts';

/** Empty where the step takes anything, once. */
export function takenText({
  take,
  collect,
  collected = 0,
}: Pick<WaitingStep, 'take' | 'collect' | 'collected'>): string {
  const types = take?.content_type?.join(', ');
  const rules = [types, take?.url === undefined ? undefined : `from ${take.url}`].filter((one) => one !== undefined);
  const taken = rules.length === 0 ? [] : [`takes ${toSafeLine(rules.join(' '))}`];
  return [...taken, ...(collect === undefined ? [] : [`has ${collected} of ${collect}`])].join(', ');
}
