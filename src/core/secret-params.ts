/** Keys and secrets of the engine's settings that somebody has written into a definition, which is stored and shown. */
import type { FieldError } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import { createNeedles } from '../contract/needles.ts';
import type { SecretStore } from '../contract/secret-store.ts';
import { searchedSecrets, searchedStore } from '../contract/secret-values.ts';

type Path = readonly PropertyKey[];

/** An answer names no more. */
const faultsMax = 100;

/** Searches a value; `path` stands before the paths. */
export type SecretSearch = (value: unknown, path: Path) => FieldError[];

/**
 * Finds each string of a value, or name of a field in it, that holds the value of a setting. The messages name the
 * setting and never the value. The work grows with the text. At most `faultsMax` are named of one value.
 */
export function createSecretSearch(secrets: Readonly<Record<string, string>>, store: SecretStore = {}): SecretSearch {
  const searched = [
    ...searchedSecrets(secrets).map((entry) => [...entry, 'keys are settings of the engine'] as const),
    ...searchedStore(store).map(
      (entry) => [...entry, `name it in params of http_request, as {{secrets.${entry[0]}}}`] as const,
    ),
  ];
  if (searched.length === 0) return () => [];
  const needles = createNeedles(searched.map(([, secret]) => secret));
  // A name may stand in the path of each fault, and may be long.
  const shown = new Map<PropertyKey, PropertyKey>();
  const toShown = (key: PropertyKey) => {
    const known = shown.get(key) ?? withoutSecrets(key, searched);
    shown.set(key, known);
    return known;
  };
  return (value, path) => {
    const faults: FieldError[] = [];
    const check = (text: string, at: Path) => {
      const found = needles.isIn(text) ? searched.find(([, secret]) => text.includes(secret)) : undefined;
      if (found === undefined) return;
      const [name, , advice] = found;
      const message = `holds the value of ${name}: ${advice}, and definitions are stored and shown; remove it`;
      faults.push({ path: toFieldPath(at.map(toShown)), message });
    };
    const open: [unknown, Path][] = [[value, path]];
    for (let next = open.pop(); next !== undefined && faults.length < faultsMax; next = open.pop()) {
      const [inner, at] = next;
      if (typeof inner === 'string') check(inner, at);
      else if (Array.isArray(inner)) {
        // The first of a list is looked at first. Numbers have nothing to look at, and a list may have a million.
        for (let i = inner.length - 1; i >= 0; i -= 1) if (isSearched(inner[i])) open.push([inner[i], [...at, i]]);
      } else if (typeof inner === 'object' && inner !== null) {
        for (const [key, child] of Object.entries(inner).reverse()) {
          const place = [...at, key];
          check(key, place);
          if (isSearched(child)) open.push([child, place]);
        }
      }
    }
    return faults;
  };
}

/** One search, for who searches one value. */
export function findSecretParams(
  value: unknown,
  path: Path,
  secrets: Readonly<Record<string, string>>,
  store?: SecretStore,
): FieldError[] {
  return createSecretSearch(secrets, store)(value, path);
}

function isSearched(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null);
}

/** A key that stands in a field's name stands in the path of all within. */
function withoutSecrets(
  key: PropertyKey,
  secrets: readonly (readonly [name: string, value: string, advice: string])[],
): PropertyKey {
  if (typeof key !== 'string') return key;
  return secrets.reduce((text, [name, secret]) => text.replaceAll(secret, () => `[${name}]`), key);
}
