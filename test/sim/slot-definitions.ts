/** What the slots of the one scheduled template make, for who runs them and for who checks them. */
import type { WorkflowDefinition } from '../../src/contract/definition.ts';
import { Dice, hashText } from './dice.ts';

export const scheduledTemplate = 'scheduled';
export const slotEveryMs = 5 * 60 * 1000;
export const slotCron = '*/5 * * * *';
/** The names of workflows that slots have made begin so. */
export const slotPrefix = 'slot ';

/** A slot's workflow is the same whenever it is asked for. */
export function drawSlot(seed: number, slot: string): WorkflowDefinition {
  const dice = new Dice(seed ^ hashText(slot));
  const first = { id: 's0', action: 'work', dependencies: [], params: { note: slot } };
  const second = { id: 's1', action: 'work', dependencies: ['s0'], params: { note: dice.hex(4) } };
  return { name: `${slotPrefix}${slot}`, steps: dice.chance(0.5) ? [first] : [first, second] };
}
