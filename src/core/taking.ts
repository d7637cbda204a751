/** What an `external_data` step says of the data that it waits for. Its params may be anything, as in a foreign file. */
import type { JsonObject } from '../contract/json.ts';
import { matchesUrl } from './url-glob.ts';

/** Data as its sender describes it. */
export interface OfferedData {
  readonly sourceUrl: string | null;
  readonly contentType: string;
}

/** The rule of a step, as it is written; null where there is none. */
export interface TakeRule {
  readonly url?: string;
  readonly content_type?: string[];
}

export function takeRuleOf({ take }: JsonObject): TakeRule | null {
  if (typeof take !== 'object' || take === null || Array.isArray(take)) return null;
  const { url, content_type: types } = take as Record<string, unknown>;
  const isList = Array.isArray(types) && types.every((type) => typeof type === 'string');
  return {
    ...(typeof url === 'string' ? { url } : {}),
    ...(isList ? { content_type: types as string[] } : {}),
  };
}

/** Both parts of a rule have to fit. */
export function isTaken(rule: TakeRule, { sourceUrl, contentType }: OfferedData): boolean {
  if (rule.url !== undefined && (sourceUrl === null || !matchesUrl(rule.url, sourceUrl))) return false;
  return rule.content_type === undefined || rule.content_type.some((type) => isType(type, contentType));
}

/** `text/html; charset=utf-8` is `text/html`, and is of `text/*`. */
function isType(wanted: string, given: string): boolean {
  const [type = ''] = given.toLowerCase().split(';');
  const pattern = wanted.toLowerCase();
  return pattern.endsWith('/*') ? type.trim().startsWith(pattern.slice(0, -1)) : type.trim() === pattern;
}
