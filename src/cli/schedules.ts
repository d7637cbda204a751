/** `schedules`: what a server runs by itself, and how to pause, resume or trigger one of it. */
import type { ScheduleView } from '../contract/schedule.ts';
import type { CliContext, CliEngine } from './context.ts';
import { openServer } from './engine-access.ts';
import { usageError } from './exit.ts';
import { printable } from './printable.ts';
import { toTable } from './table.ts';

export interface SchedulesOptions {
  json?: boolean;
  server?: string;
}

const verbs = ['list', 'pause', 'resume', 'trigger'] as const;
type Verb = (typeof verbs)[number];

export async function schedules(
  what: string | undefined,
  template: string | undefined,
  { json, server }: SchedulesOptions,
  context: CliContext,
): Promise<void> {
  const verb = verbs.find((known) => known === (what ?? 'list'));
  if (verb === undefined) throw usageError(`"${what}" is none of ${verbs.join(', ')}`);
  if (verb === 'list' && template !== undefined) throw usageError('list takes no template');
  const access = openServer(context, server);
  try {
    const { value, text } = await call(access.engine, verb, template);
    context.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : text);
  } finally {
    await access.close();
  }
}

async function call(
  engine: CliEngine,
  verb: Verb,
  template: string | undefined,
): Promise<{ value: unknown; text: string }> {
  if (verb === 'list') {
    const value = await engine.schedules();
    return { value, text: toText(value) };
  }
  if (template === undefined) throw usageError(`which schedule? hybrid-engine schedules ${verb} <template>`);
  const shown = printable(template);
  if (verb === 'trigger') {
    const value = await engine.triggerSchedule(template);
    const { workflow_id: id, slot } = value;
    const begun = id === null ? 'waits until the workflow that runs has finished' : `workflow ${id}`;
    return { value, text: `${shown} slot ${slot}: ${begun}\n` };
  }
  if (verb === 'pause') return { value: await engine.pauseSchedule(template), text: `${shown} is paused\n` };
  const value = await engine.resumeSchedule(template);
  const next = value.next ?? 'none';
  return {
    value,
    text: `${shown} goes on; next slot: ${value.enabled ? next : 'none, its file says enabled: false'}\n`,
  };
}

function toText(all: readonly ScheduleView[]): string {
  if (all.length === 0) return 'no template has a schedule\n';
  const rows = all.map((one) => {
    const next = one.enabled ? (one.next ?? (one.paused ? 'paused' : 'none')) : 'not enabled';
    const [latest] = one.passed;
    const passed = latest === undefined ? '-' : `${latest.slot} ${latest.why}`;
    return [one.template, one.cron, one.timezone, next, one.last?.slot ?? '-', one.last?.workflow_id ?? '-', passed];
  });
  const table = toTable(['TEMPLATE', 'CRON', 'TIME ZONE', 'NEXT', 'LAST', 'WORKFLOW', 'PASSED'], rows);
  const notices = all.flatMap(({ notice }) => (notice === undefined ? [] : [`${printable(notice)}\n`]));
  return table + notices.join('');
}
