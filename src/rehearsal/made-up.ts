/** What a dry run makes up: the fields of answers that nobody has seen, and data that would come from outside. */
import type { WorkflowDefinition } from '../contract/definition.ts';
import type { Engine } from '../contract/engine.ts';
import { limits } from '../contract/limits.ts';
import { namedTemplates } from '../core/child.ts';
import { eachReference, type Reference } from '../core/references.ts';
import { boundValues, stepsWithin } from '../core/steps-within.ts';
import { createTemplateCatalogue } from '../templates/catalogue.ts';

const page = `<!doctype html><html lang="en"><head><title>Dry run</title></head><body><article><h1>Dry run</h1>
<p>This page stands in for what would be sent to the workflow. Nobody has captured it, and nobody was called for it.</p>
<p>Its sentences are made up, so that the steps after it have something to read, and <a href="made-up">a link</a>.</p></article></body></html>`;

/** Gives data to every step that waits for some: the engine runs one workflow alone, and those that its steps start. */
export async function giveMadeUpData(engine: Engine): Promise<boolean> {
  const { items } = await engine.waiting({ limit: limits.listLimitMax });
  const awaited = items.filter((item) => item.for === 'data');
  for (const { workflow_id, step_id } of awaited) {
    await engine.externalData(workflow_id, { content: page, content_type: 'text/html', step_id });
  }
  return awaited.length > 0;
}

type Definition = Pick<WorkflowDefinition, 'steps' | 'finally'>;

/** The definition, and those that its `workflow` steps can reach. Their faults are named when it begins. */
export async function withCalled(definition: WorkflowDefinition, templatesDir: string): Promise<Definition[]> {
  const catalogue = createTemplateCatalogue(templatesDir);
  const called = new Map<string, Definition>();
  const all: Definition[] = [definition];
  for (const each of all) {
    for (const id of namedTemplates(each)) {
      const template = called.has(id) ? undefined : await catalogue.get(id);
      if (template === undefined) continue;
      called.set(id, template);
      all.push(template);
    }
  }
  return all;
}

/** The fields of steps' outputs that other steps refer to. Steps of different workflows may share what is made up. */
export function findWanted(definitions: readonly Definition[]): Record<string, string[][]> {
  const visited = definitions.flatMap((definition) => [...stepsWithin(definition)]);
  const ids = new Set(visited.map(({ step }) => String(step.id)));
  /** The inner step that stands for an item; the group itself where its own action runs for each. */
  const standing = new Map(
    visited.map(({ step: { id, steps } }) => [
      String(id),
      Array.isArray(steps) ? String(steps.at(-1)?.id) : String(id),
    ]),
  );
  const wanted = new Map<string, string[][]>();
  const want = (id: string, path: readonly string[]) => {
    if (path.length > 0) wanted.set(id, [...(wanted.get(id) ?? []), [...path]]);
    // What a workflow has returned is what its steps have made.
    const [field, inner, ...rest] = path;
    if (field === 'steps' && inner !== undefined && rest.length > 0) want(inner, rest);
  };
  const note = (reference: Reference) => {
    if (reference.kind !== 'step' && reference.kind !== 'previous') return;
    const { stepId: id, path } = reference;
    want(id, path);
    const [field, place, ...rest] = path;
    // What a group has gathered is what its steps have made.
    if (field === 'items' && place !== undefined) want(standing.get(id) ?? id, rest);
    if (field === 'last' && place !== undefined) {
      if (standing.get(id) === id) want(id, [place, ...rest]);
      else want(place, rest);
    }
  };
  for (const { step, names, outer } of visited) {
    for (const [field, value] of boundValues(step)) {
      const search = { isStep: (id: string) => ids.has(id), names: field === 'forEach' ? outer : names };
      eachReference(value, search, note);
    }
  }
  return Object.fromEntries(wanted);
}
