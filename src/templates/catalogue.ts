/**
 * The templates of a directory: its `.yaml`, `.yml` and `.json` files, as they are at the time of the call.
 *
 * Guarantees, numbered for tests:
 *   TC1  a file that was added, changed or removed on disk is seen by the next call;
 *   TC2  a faulty file is reported with its name and the place, and hides no other;
 *   TC3  of two files with one id the first by file name counts, and the other is reported;
 *   TC4  an unchanged file is not read again, and a call reads at most `filesMax` files of `fileBytesMax` each.
 */
import { isUtf8 } from 'node:buffer';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { Template } from '../contract/definition.ts';
import { limits } from '../contract/limits.ts';
import { toKeepIt, toLostNumberLines } from '../contract/lost-numbers.ts';
import type { SourceFault } from './source-text.ts';
import { readTemplateText, type TemplateText } from './template-file.ts';

/** As much as the creating calls take. */
const fileBytesMax = limits.creatingBodyBytesMax;
const filesMax = 1_000;
const extensions = new Set(['.yaml', '.yml', '.json']);

/**
 * A fault of one file; `file` is its name, `""` when the directory itself is at fault. `ids` are those by which a client
 * may ask for it: the id that stands in it, if it can be read, and the name of the file.
 */
export interface FileProblem extends SourceFault {
  file: string;
  ids: string[];
}

export interface TemplateCatalogue {
  /** By id. */
  list(): Promise<Template[]>;
  get(id: string): Promise<Template | undefined>;
  /** `told`: a line for each number of its text that cannot be held. */
  find(id: string): Promise<FoundTemplate | undefined>;
  problems(): Promise<FileProblem[]>;
  /** Calls the listener after each reading whose problems are others than before. */
  onProblems(listener: (problems: readonly FileProblem[]) => void): void;
}

export interface FoundTemplate {
  readonly template: Template;
  readonly told: readonly string[];
}

interface Scan {
  templates: Map<string, FoundTemplate>;
  problems: FileProblem[];
}

interface ReadFile {
  /** Changes when the file does. */
  stamp: string;
  text: TemplateText;
}

export function createTemplateCatalogue(dir: string): TemplateCatalogue {
  let cache = new Map<string, ReadFile>();
  let running: Promise<Scan> | undefined;
  let next: Promise<Scan> | undefined;
  let lastTold = '[]';
  const listeners: ((problems: readonly FileProblem[]) => void)[] = [];

  /** Calls that arrive during a scan share the one after it: what they ask for may be newer than what it has seen. */
  const scan = (): Promise<Scan> => {
    if (running !== undefined) {
      next ??= running.then(() => {
        next = undefined;
        return scan();
      });
      return next;
    }
    running = scanOnce().finally(() => {
      running = undefined;
    });
    return running;
  };

  const scanOnce = async (): Promise<Scan> => {
    const problems: FileProblem[] = [];
    const names = await listFiles(dir, problems);
    const read = await Promise.all(names.map(async (name) => [name, await readFile(dir, name, cache)] as const));
    cache = new Map(read.filter((entry): entry is [string, ReadFile] => entry[1] !== undefined));
    const templates = new Map<string, FoundTemplate>();
    const owners = new Map<string, string>();
    for (const [file, { text }] of cache) {
      if (text.kind === 'faulty') {
        const ids = [...new Set([...(text.id === undefined ? [] : [text.id]), basename(file, extname(file))])];
        for (const fault of text.faults) problems.push({ file, ids, ...fault });
        continue;
      }
      const { id } = text.template;
      const owner = owners.get(id);
      if (owner === undefined) {
        owners.set(id, file);
        templates.set(id, { template: text.template, told: toLostNumberLines(text.lost, toKeepIt.file) });
      } else {
        problems.push({
          file,
          ids: [basename(file, extname(file))],
          path: 'id',
          message: `${id} is taken by ${owner}; give one another id`,
          position: undefined,
        });
      }
    }
    const told = JSON.stringify(problems);
    if (told !== lastTold) for (const listener of listeners) listener(problems);
    lastTold = told;
    return { templates, problems };
  };

  return {
    list: async () => {
      const { templates } = await scan();
      return [...templates.keys()].sort().flatMap((id) => templates.get(id)?.template ?? []);
    },
    get: async (id) => (await scan()).templates.get(id)?.template,
    find: async (id) => (await scan()).templates.get(id),
    problems: async () => (await scan()).problems,
    onProblems: (listener) => {
      listeners.push(listener);
    },
  };
}

async function listFiles(dir: string, problems: FileProblem[]): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(dir);
  } catch (error) {
    problems.push(toProblem('', `the templates directory cannot be read: ${toReason(error)}`));
    return [];
  }
  const files = names.filter((name) => !name.startsWith('.') && extensions.has(extname(name).toLowerCase())).sort();
  if (files.length > filesMax) {
    problems.push(toProblem('', `holds ${files.length} files; only the first ${filesMax} by name are read`));
  }
  return files.slice(0, filesMax);
}

/** undefined when there is no such file (any more). */
async function readFile(
  dir: string,
  name: string,
  cache: ReadonlyMap<string, ReadFile>,
): Promise<ReadFile | undefined> {
  const path = join(dir, name);
  try {
    const stats = await stat(path);
    // Before any opening: that of a pipe would wait for its writer.
    if (!stats.isFile()) return { stamp: '', text: toFaulty('is not a file') };
    // Taken before the bytes: a change in between gives another stamp next time.
    const stamp = `${stats.mtimeMs} ${stats.ctimeMs} ${stats.size} ${stats.ino}`;
    const known = cache.get(name);
    return known?.stamp === stamp ? known : { stamp, text: await readText(path) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    // No stamp that could match: it is tried again each time.
    return { stamp: '', text: toFaulty(`cannot be read: ${toReason(error)}`) };
  }
}

async function readText(path: string): Promise<TemplateText> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    if (size > fileBytesMax) return toFaulty(`has ${size} bytes; at most ${fileBytesMax} are allowed`);
    const bytes = await handle.readFile();
    return isUtf8(bytes) ? readTemplateText(bytes.toString('utf8')) : toFaulty('is not UTF-8 text');
  } finally {
    await handle.close();
  }
}

function toFaulty(message: string): TemplateText {
  return { kind: 'faulty', faults: [{ path: '', message, position: undefined }] };
}

function toProblem(file: string, message: string): FileProblem {
  return { file, ids: [], path: '', message, position: undefined };
}

function toReason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
