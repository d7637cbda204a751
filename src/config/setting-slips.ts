/**
 * Names that look like a setting and are none: `WORKFLOW_DIR=…` would change nothing, in silence. The environment belongs
 * to other programs too, so such a name is told and not refused.
 */
import { nearest } from '../contract/nearest.ts';

/** `names`: those that are set. `settings`: those that the engine has asked for. A line for each slip. */
export function findSettingSlips(names: readonly string[], settings: ReadonlySet<string>): string[] {
  return names.flatMap((name) => {
    // Proxies of protocols that the engine does not speak, and secrets, whose names are the user's own.
    if (settings.has(name) || /_proxy$/i.test(name) || name.startsWith('SECRET_')) return [];
    const meant = nearest(name, settings);
    return meant === undefined ? [] : [`${name} is no setting and changes nothing; did you mean ${meant}?`];
  });
}
