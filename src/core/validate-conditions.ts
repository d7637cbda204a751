/** What is wrong with the conditions of a step: `when`, and `until` of a loop. */
import type { StepDefinition } from '../contract/definition.ts';
import { type ConditionNames, checkCondition, conditionUses } from './condition.ts';
import { find, idAt, idsWithin, type NameScope } from './validate-scope.ts';

interface Known {
  /** Names of the workflow's params. */
  readonly params: readonly string[];
}

/** `when` is asked before the step, and sees what the step may refer to. */
export function checkWhen(step: StepDefinition, i: number, scope: NameScope, known: Known): string[] {
  if (step.when === undefined) return [];
  return checkCondition(step.when, namesFor(step.when, i, scope, known));
}

/** `until` is asked after a round, and sees all steps of it. `inner`: the scope within the loop. */
export function checkUntil(step: StepDefinition, inner: NameScope, known: Known): string[] {
  if (step.repeat === undefined) return [];
  return checkCondition(step.repeat.until, namesFor(step.repeat.until, null, inner, known));
}

type Kind = 'plain' | 'group' | 'repeat';
const roots = ['index', 'round', 'previous', 'workflow'] as const;

/** `i`: the step that asks; null when all steps of the scope have ended. */
function namesFor(text: string, i: number | null, scope: NameScope, { params }: Known): ConditionNames {
  const steps = new Map<string, Kind>();
  for (const id of conditionUses(text).steps) {
    const found = find(scope, id, i ?? -1);
    if (found === undefined) continue;
    const isUpstream = found.at === -1 || found.scope.ancestry.isUpstream(found.up, found.at);
    if (isUpstream) steps.set(id, kindOf(found.scope.steps[found.up]));
  }
  const items = [...scope.names].filter((name) => !(roots as readonly string[]).includes(name));
  const isFinal = i !== null && scope.steps[i]?.final === true;
  return {
    params,
    steps,
    known: new Set(idsWithin(scope)),
    ...(i === null ? {} : { self: idAt(scope, i) }),
    items,
    roots: roots.filter((root) => scope.names.has(root) || (root === 'workflow' && isFinal)),
    ...(scope.rounds === null ? {} : { previous: [...scope.rounds.graph.index.keys()] }),
  };
}

function kindOf(step: StepDefinition | undefined): Kind {
  if (step?.repeat !== undefined) return 'repeat';
  return step?.forEach === undefined ? 'plain' : 'group';
}
