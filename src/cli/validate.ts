/** `validate`: every fault of template and definition files, each with its place. Nothing runs. */

import { resolve } from 'node:path';
import { readSecrets, readSettings } from '../config.ts';
import type { Template } from '../contract/definition.ts';
import type { TemplateSource } from '../engine/templates.ts';
import { checkDefinitionText } from '../rehearsal/check-definition.ts';
import { createTemplateCatalogue, type TemplateCatalogue } from '../templates/catalogue.ts';
import { instantiate } from '../templates/instantiate.ts';
import { readTemplateText } from '../templates/template-file.ts';
import type { CliContext } from './context.ts';
import { readTextFile, toFaultLine } from './definition-file.ts';
import { CommandError, exits, usageError } from './exit.ts';
import { printable } from './printable.ts';

export interface ValidateOptions {
  allowUnknown?: boolean;
}

export async function validate(
  files: readonly string[],
  { allowUnknown = false }: ValidateOptions,
  context: CliContext,
): Promise<number> {
  if (allowUnknown && readSettings(context.env, context.cwd).engine.unknownActions === 'reject') {
    throw usageError('--allow-unknown and UNKNOWN_ACTIONS=reject exclude each other: a run would refuse the action');
  }
  const secretStore = readSecrets(context.env, context.cwd);
  const source = createSource(files, context);
  let sound = true;
  for (const file of files) {
    const lines: string[] = [];
    try {
      const text = await readTextFile(resolve(context.cwd, file), file);
      const { faults, notes, summary } = await checkDefinitionText(text, { allowUnknown, secretStore, source });
      for (const fault of faults) lines.push(toFaultLine(file, fault));
      for (const note of notes) lines.push(`${file}: note: ${note}`);
      if (faults.length === 0) lines.push(`${file}: ok (${summary})`);
      else sound = false;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      // The other files are checked all the same.
      lines.push(error.message);
      sound = false;
    }
    for (const line of lines) context.stdout.write(`${printable(line)}\n`);
  }
  return sound ? exits.done : exits.failed;
}

/** The templates of the files, and those of TEMPLATES_DIR. */
function createSource(files: readonly string[], { cwd, env }: CliContext): TemplateSource {
  const given = new Map<string, Template>();
  let isRead = false;
  let catalogue: TemplateCatalogue | undefined;
  const readGiven = async () => {
    if (isRead) return;
    isRead = true;
    for (const file of files) {
      const text = await readTextFile(resolve(cwd, file), file).catch(() => '');
      const read = readTemplateText(text);
      if (read.kind === 'template') given.set(read.template.id, read.template);
    }
  };
  const others = () => {
    catalogue ??= createTemplateCatalogue(readSettings(env, cwd).engine.templatesDir);
    return catalogue;
  };
  return {
    list: async () => [...given.values(), ...(await others().list())],
    find: async (id) => {
      await readGiven();
      const template = given.get(id);
      return template === undefined ? others().find(id) : { template, told: [] };
    },
    problems: () => others().problems(),
    instantiate: async (template, params) => instantiate(template, params),
    close: async () => undefined,
  };
}
