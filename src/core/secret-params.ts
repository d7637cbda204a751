/** Keys and secrets of the engine's settings that somebody has written into params, which are stored and shown. */
import type { FieldError } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import { createNeedles } from '../contract/needles.ts';
import type { SecretStore } from '../contract/secret-store.ts';
import { searchedSecrets, searchedStore } from '../contract/secret-values.ts';

type Path = readonly PropertyKey[];

/** An answer names no more. */
const faultsMax = 100;

/**
 * Each string of the value, or name of a field in it, that holds the value of a setting. The messages name the setting
 * and never the value. `path` stands before the paths. The work grows with the text. At most `faultsMax` are named.
 */
export function findSecretParams(
  value: unknown,
  path: Path,
  secrets: Readonly<Record<string, string>>,
  store: SecretStore = {},
): FieldError[] {
  const searched = [
    ...searchedSecrets(secrets).map((entry) => [...entry, 'keys are settings of the engine'] as const),
    ...searchedStore(store).map(
      (entry) => [...entry, `name it in params of http_request, as {{secrets.${entry[0]}}}`] as const,
    ),
  ];
  const faults: FieldError[] = [];
  if (searched.length === 0) return faults;
  const needles = createNeedles(searched.map(([, secret]) => secret));
  // A name may stand in the path of each fault, and may be long.
  const shown = new Map<PropertyKey, PropertyKey>();
  const toShown = (key: PropertyKey) => {
    const known = shown.get(key) ?? withoutSecrets(key, searched);
    shown.set(key, known);
    return known;
  };
  const check = (text: string, at: Path) => {
    const found = needles.isIn(text) ? searched.find(([, secret]) => text.includes(secret)) : undefined;
    if (found === undefined) return;
    const [name, , advice] = found;
    const message = `holds the value of ${name}: ${advice}, and params are stored and shown; remove it`;
    faults.push({ path: toFieldPath(at.map(toShown)), message });
  };
  const open: [unknown, Path][] = [[value, path]];
  for (let next = open.pop(); next !== undefined && faults.length < faultsMax; next = open.pop()) {
    const [inner, at] = next;
    if (typeof inner === 'string') check(inner, at);
    if (typeof inner !== 'object' || inner === null) continue;
    for (const [key, child] of Object.entries(inner).reverse()) {
      const place = [...at, Array.isArray(inner) ? Number(key) : key];
      if (!Array.isArray(inner)) check(key, place);
      open.push([child, place]);
    }
  }
  return faults;
}

/** A key that stands in a field's name stands in the path of all within. */
function withoutSecrets(
  key: PropertyKey,
  secrets: readonly (readonly [name: string, value: string, advice: string])[],
): PropertyKey {
  if (typeof key !== 'string') return key;
  return secrets.reduce((text, [name, secret]) => text.replaceAll(secret, () => `[${name}]`), key);
}
