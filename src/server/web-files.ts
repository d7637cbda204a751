/**
 * The files of the dashboard, all in memory: what is not in this map when the engine starts is never answered, whatever a
 * path says. `scripts/build-web.js` writes them, scripts and styles compressed alone.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

export interface WebFile {
  readonly type: string;
  /** Strong, of the bytes as they are when unpacked; the compressed form has its own. */
  readonly tag: string;
  /** null: it is not worth compressing. */
  readonly gzipped: Buffer | null;
  /** Unpacked when first asked for. */
  plain(): Buffer;
}

export interface WebFiles {
  /** null where the dashboard was not built. */
  readonly page: WebFile | null;
  /** By name, without its folder. */
  readonly assets: ReadonlyMap<string, WebFile>;
}

const types: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
};

/** Beside the built engine; a checkout that runs from source has it in `dist`. */
export function builtWebDirectory(): URL {
  const beside = new URL('./web/', import.meta.url);
  return existsSync(beside) ? beside : new URL('../../dist/web/', import.meta.url);
}

/** Reads a few hundred kilobytes, once, at the start. */
export function readWebFiles(directory: string | URL): WebFiles {
  const root = typeof directory === 'string' ? directory : fileURLToPath(directory);
  const page = join(root, 'index.html');
  const assets = join(root, 'assets');
  if (!existsSync(page) || !existsSync(assets)) return { page: null, assets: new Map() };
  return {
    page: toWebFile('text/html; charset=utf-8', readFileSync(page), null),
    assets: new Map(readdirSync(assets).flatMap((name) => readAsset(assets, name))),
  };
}

function readAsset(directory: string, stored: string): [string, WebFile][] {
  const isGzipped = stored.endsWith('.gz');
  const name = isGzipped ? stored.slice(0, -3) : stored;
  const type = types[name.slice(name.lastIndexOf('.') + 1)];
  if (type === undefined) return [];
  const bytes = readFileSync(join(directory, stored));
  return [[name, isGzipped ? toWebFile(type, null, bytes) : toWebFile(type, bytes, null)]];
}

function toWebFile(type: string, plain: Buffer, gzipped: null): WebFile;
function toWebFile(type: string, plain: null, gzipped: Buffer): WebFile;
function toWebFile(type: string, plain: Buffer | null, gzipped: Buffer | null): WebFile {
  const stored = plain ?? gzipped ?? Buffer.alloc(0);
  let unpacked = plain;
  return {
    type,
    tag: createHash('sha256').update(stored).digest('base64url').slice(0, 22),
    gzipped,
    plain() {
      unpacked ??= gunzipSync(stored);
      return unpacked;
    },
  };
}
