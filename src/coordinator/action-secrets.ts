/** Of the secrets in the settings, those that an action has asked for. */
import type { EngineSettings } from '../contract/settings.ts';
import type { ActionInfo } from '../contract/task.ts';

export function pickSecrets(info: ActionInfo | undefined, { secrets }: EngineSettings): Record<string, string> {
  const entries = (info?.secrets ?? []).flatMap((name) => {
    const value = secrets[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}
