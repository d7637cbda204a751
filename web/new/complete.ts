/**
 * What can stand where a person is writing a definition: fields of a step, actions, params of the chosen action, ids of
 * steps. By the line and the lines above it, because a text that is being written is seldom whole. Pure.
 */
import type { Outline } from './outline.ts';

export interface CompletionFacts {
  readonly outline: Outline;
  readonly actions: readonly {
    readonly action: string;
    readonly description: string;
    readonly params: Readonly<Record<string, unknown>>;
  }[];
}

export interface CompletionChoice {
  readonly text: string;
  readonly detail: string;
  /** What is put in, where it is more than the text. */
  readonly insert?: string;
}

export interface CompletionList {
  /** From here to the cursor is replaced. */
  readonly from: number;
  readonly choices: readonly CompletionChoice[];
}

const stepFields: readonly CompletionChoice[] = [
  { text: 'id', detail: 'its name in references' },
  { text: 'name', detail: 'what a person sees' },
  { text: 'action', detail: 'what it does' },
  { text: 'dependencies', detail: 'steps that must end before it', insert: 'dependencies: []' },
  { text: 'params', detail: 'what the action takes', insert: 'params:' },
  { text: 'when', detail: 'a condition: false skips it' },
  { text: 'join', detail: 'how the ends of its dependencies count' },
  { text: 'tolerate', detail: 'its failure does not fail the run' },
  { text: 'forEach', detail: 'once for each item of a list' },
  { text: 'concurrency', detail: 'with forEach: how many at once' },
  { text: 'repeat', detail: 'again until a condition holds', insert: 'repeat:' },
  { text: 'retry', detail: 'how often it is tried again', insert: 'retry: {attemptsMax: 3}' },
  { text: 'timeoutMs', detail: 'how long a try may take' },
  { text: 'cache', detail: 'keep its result', insert: 'cache: true' },
];

const topFields: readonly CompletionChoice[] = [
  { text: 'name', detail: 'of the run' },
  { text: 'description', detail: 'what it is for' },
  { text: 'tags', detail: 'to find it by', insert: 'tags: []' },
  { text: 'params', detail: 'values for {{params.…}}', insert: 'params:' },
  { text: 'failurePolicy', detail: 'continue or fail-fast', insert: 'failurePolicy: fail-fast' },
  { text: 'budget', detail: 'what calls of models may use', insert: 'budget: {cost: 1}' },
  { text: 'steps', detail: 'what is done', insert: 'steps:' },
  { text: 'finally', detail: 'steps that run in the end, however it went', insert: 'finally:' },
];

/** null where there is nothing to offer. */
export function completionsAt(text: string, cursor: number, facts: CompletionFacts): CompletionList | null {
  const lineStart = text.lastIndexOf('\n', cursor - 1) + 1;
  const line = text.slice(lineStart, cursor);
  return (
    inReference(line, cursor, facts) ??
    inAction(line, cursor, facts) ??
    inDependencies(text, lineStart, line, cursor, facts) ??
    inKey(text, lineStart, line, cursor, facts)
  );
}

function inReference(line: string, cursor: number, { outline }: CompletionFacts): CompletionList | null {
  const found = /\{\{\s*(?:(steps|params)\.)?([\w-]*)$/.exec(line);
  if (found === null) return null;
  const [, root, typed = ''] = found;
  const from = cursor - typed.length;
  if (root === 'steps') {
    return {
      from,
      choices: outline.steps.map(({ id, action }) => ({ text: id, detail: action, insert: `${id}.outputs.content` })),
    };
  }
  if (root === 'params') return { from, choices: outline.params.map((name) => ({ text: name, detail: 'param' })) };
  return {
    from,
    choices: [
      { text: 'steps', detail: 'the outputs of a step', insert: 'steps.' },
      { text: 'params', detail: 'a param of the run', insert: 'params.' },
      { text: 'secrets', detail: 'a secret of the engine', insert: 'secrets.' },
    ],
  };
}

function inAction(line: string, cursor: number, { actions }: CompletionFacts): CompletionList | null {
  const found = /(?:^|[\s{,-])"?action"?\s*:\s*"?([\w-]*)$/.exec(line);
  if (found === null) return null;
  return {
    from: cursor - (found[1] ?? '').length,
    choices: actions.map(({ action, description }) => ({ text: action, detail: description })),
  };
}

function inDependencies(
  text: string,
  lineStart: number,
  line: string,
  cursor: number,
  { outline }: CompletionFacts,
): CompletionList | null {
  const inline = /"?dependencies"?\s*:\s*\[[^\]]*?"?([\w.-]*)$/.exec(line);
  const item = /^\s*-\s+([\w.-]*)$/.exec(line);
  const isItem = item !== null && /(?:^|\s)dependencies:\s*$/.test(ownerLine(text, lineStart, indentOf(line)));
  const typed = inline?.[1] ?? (isItem ? (item[1] ?? '') : null);
  if (typed === null) return null;
  return {
    from: cursor - typed.length,
    choices: outline.steps.map(({ id, name }) => ({ text: id, detail: name === id ? '' : name })),
  };
}

/** A field's name at the start of a line of YAML. */
function inKey(
  text: string,
  lineStart: number,
  line: string,
  cursor: number,
  { actions }: CompletionFacts,
): CompletionList | null {
  const found = /^(\s*(?:-\s+)?)([\w-]*)$/.exec(line);
  if (found === null) return null;
  const [, lead = '', typed = ''] = found;
  const from = cursor - typed.length;
  if (lead === '') return { from, choices: topFields.map(withColon) };
  const owner = ownerLine(text, lineStart, lead.length).trim();
  if (/^(?:steps|finally):$/.test(owner)) return { from, choices: stepFields.map(withColon) };
  if (!/^(?:-\s+)?params:$/.test(owner)) return null;
  const action = actionAbove(text, lineStart, lead.length);
  const schema = actions.find((one) => one.action === action)?.params;
  const properties = (schema?.properties ?? {}) as Record<string, { description?: unknown }>;
  return {
    from,
    choices: Object.entries(properties).map(([name, { description }]) =>
      withColon({ text: name, detail: typeof description === 'string' ? description : '' }),
    ),
  };
}

function withColon({ text, detail, insert }: CompletionChoice): CompletionChoice {
  return { text, detail, insert: insert ?? `${text}: ` };
}

function indentOf(line: string): number {
  return /^\s*/.exec(line)?.[0].length ?? 0;
}

/** The nearest line above that stands further left: what this line is part of. A list item's dash counts as its indent. */
function ownerLine(text: string, lineStart: number, indent: number): string {
  let limit = indent;
  const lines = text.slice(0, lineStart).split('\n');
  for (let at = lines.length - 1; at >= 0; at -= 1) {
    const line = lines[at] ?? '';
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const dash = /^(\s*)-\s+/.exec(line);
    if (dash !== null && dash[0].length === limit) {
      limit = (dash[1] ?? '').length + 1;
      continue;
    }
    if (indentOf(line) < limit)
      return dash === null || indentOf(line) + 1 === limit ? line : line.replace(/^(\s*)-\s+/, '$1  ');
  }
  return '';
}

/** The action of the step whose params begin here. */
function actionAbove(text: string, lineStart: number, indent: number): string | null {
  const lines = text.slice(0, lineStart).split('\n');
  for (let at = lines.length - 1; at >= 0; at -= 1) {
    const line = lines[at] ?? '';
    const found = /^\s*(?:-\s+)?"?action"?\s*:\s*"?([\w-]+)/.exec(line);
    if (found !== null && indentOf(line.replace(/^(\s*)-\s/, '$1  ')) < indent) return found[1] ?? null;
    if (/^\s*-\s+id:/.test(line) && indentOf(line) < indent - 2) break;
  }
  return actionBelow(text, lineStart);
}

function actionBelow(text: string, lineStart: number): string | null {
  for (const line of text.slice(lineStart).split('\n').slice(1)) {
    if (/^\s*-\s+/.test(line)) return null;
    const found = /^\s+"?action"?\s*:\s*"?([\w-]+)/.exec(line);
    if (found !== null) return found[1] ?? null;
  }
  return null;
}
