/** `{{…}}` that is no reference: it goes to the action as it is written, which is seldom what was meant. */
import { toFieldPath } from '../contract/field-errors.ts';

/** Where double braces are a language of their own. */
const liquidPlace = { action: 'render', param: 'template' };
/** What begins with `params.` or `steps.` and ends where it should is read, and judged, as a reference. */
const strayPattern = /\{\{(?!\s*(?:params|steps)\.[^{}|]*\}\})[^{}]*(?:\}\}|$)/;

/** A note for each place in the params of these steps. */
export function noteStrayBraces(steps: readonly unknown[]): string[] {
  return steps.flatMap((step, i) => {
    const { action, params } = (step ?? {}) as { action?: unknown; params?: unknown };
    if (typeof params !== 'object' || params === null) return [];
    return Object.entries(params).flatMap(([name, value]) =>
      action === liquidPlace.action && name === liquidPlace.param
        ? []
        : [...findStray(value, ['steps', i, 'params', name])],
    );
  });
}

function* findStray(value: unknown, path: readonly (string | number)[]): Generator<string> {
  if (typeof value === 'string') {
    const stray = strayPattern.exec(value)?.[0];
    if (stray === undefined) return;
    const shown = stray.length > 60 ? `${stray.slice(0, 60)}…` : stray;
    yield `${toFieldPath(path)}: ${shown} is no reference and stays as it is; write {{params.<name>}} or {{steps.<id>.outputs.<path>}}`;
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value))
      yield* findStray(item, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}
