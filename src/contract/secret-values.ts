/**
 * Which settings are secrets that texts are searched for: keys and secrets of steps, and no addresses. A value of fewer than eight characters
 * (`ollama`, `EMPTY`) protects nothing and stands in ordinary words, so it is searched for nowhere.
 */
import { modelServersSetting, readModelServers, secretsOfServers } from './model-servers.ts';
import type { SecretStore } from './secret-store.ts';

export const secretLengthMin = 8;

type Secrets = Readonly<Record<string, string>>;

/** Names and values. Addresses travel with their keys and are no secrets: `http://localhost:11434/v1` may be anywhere. */
export function searchedSecrets(secrets: Secrets): [name: string, value: string][] {
  return searched(keysOf(secrets));
}

/** The same for the store. */
export function searchedStore(store: SecretStore): [name: string, value: string][] {
  return searched(valuesOf(store));
}

function searched(all: [string, string][]): [string, string][] {
  return all.filter(([, value]) => value.length >= secretLengthMin);
}

/** The names of the secrets that are too short to be searched for. */
export function shortSecretNames(secrets: Secrets, store: SecretStore = {}): string[] {
  const short = [...keysOf(secrets), ...valuesOf(store)].filter(([, value]) => value.length < secretLengthMin);
  return [...new Set(short.map(([name]) => name))];
}

function valuesOf(store: SecretStore): [string, string][] {
  return Object.entries(store).map(([name, { value }]) => [name, value]);
}

function keysOf(secrets: Secrets): [string, string][] {
  return Object.entries(secrets).flatMap(([name, value]): [string, string][] => {
    if (name === modelServersSetting) return secretsOfServers(readModelServers(secrets)).map((each) => [name, each]);
    return name.endsWith('_BASE_URL') ? [] : [[name, value]];
  });
}
