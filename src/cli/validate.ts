/** `validate`: every fault of template and definition files, each with its place. Nothing runs. */

import { resolve } from 'node:path';
import { readSecrets, readSettings } from '../config.ts';
import { checkDefinitionText } from '../rehearsal/check-definition.ts';
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
  let sound = true;
  for (const file of files) {
    const lines: string[] = [];
    try {
      const text = await readTextFile(resolve(context.cwd, file), file);
      const { faults, notes, summary } = await checkDefinitionText(text, allowUnknown, secretStore);
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
