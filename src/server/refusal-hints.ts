/**
 * Hosts and origins that were refused, told in the log once each, with the line of settings that would let them in. What
 * a client sends fills no log: only so many are told.
 */
import type { Logger } from 'pino';
import { isExtensionOrigin } from '../contract/pairing.ts';
import type { ServerSettings } from '../contract/settings.ts';
import { quoted } from './problem.ts';

const toldMax = 20;

interface Hint {
  readonly name: string;
  readonly entries: readonly string[];
  /** In place of the line of settings. */
  readonly advice?: string | undefined;
}

export class RefusalHints {
  readonly #settings: ServerSettings;
  readonly #log: Logger;
  readonly #told = new Set<string>();

  constructor(settings: ServerSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
  }

  origin(origin: string): void {
    const { allowedOrigins } = this.#settings;
    const advice = isExtensionOrigin(origin) ? 'If it is your extension, pair it with: hybrid-engine pair' : undefined;
    this.#tell('Origin', origin, { name: 'ALLOWED_ORIGINS', entries: allowedOrigins, advice });
  }

  host(host: string): void {
    this.#tell('Host', host, { name: 'ALLOWED_HOSTS', entries: this.#settings.allowedHosts });
  }

  #tell(what: string, value: string, { name, entries, advice }: Hint): void {
    if (!isPlain(value) || this.#told.has(`${what} ${value}`) || this.#told.size >= toldMax) return;
    this.#told.add(`${what} ${value}`);
    const setting = `${name}=${[...entries, value].join(',')}`;
    this.#log.warn(`${what} ${quoted(value)} was refused. ${advice ?? `If it is yours, allow it with: ${setting}`}`);
  }
}

/** Of the characters of hosts and origins alone, and short: nothing else may be pasted. */
function isPlain(value: string): boolean {
  return value !== 'null' && value.length <= 200 && /^[A-Za-z0-9.:[\]/_-]+$/.test(value);
}
