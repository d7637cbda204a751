/**
 * Looks at the templates when their directory changes, so that a fault is told when its file is saved and not when the
 * template is next asked for. What the operating system does not report (a network volume) is told by the next call.
 */
import { type FSWatcher, watch } from 'node:fs';
import type { FileProblem, TemplateCatalogue } from './catalogue.ts';

/** An editor writes a file in several steps. */
const settleMs = 200;

export interface TemplateWatch {
  close(): void;
}

/** `onProblems` gets a line for each fault: at the start if there is one, then whenever they have changed. */
export function watchTemplates(
  dir: string,
  catalogue: TemplateCatalogue,
  onProblems: (lines: string[]) => void,
): TemplateWatch {
  let timer: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  catalogue.onProblems((problems) => onProblems(problems.map(toLine)));
  // A reading reports its own failures as problems.
  const look = () => void catalogue.problems();
  const settle = () => {
    clearTimeout(timer);
    timer = setTimeout(look, settleMs).unref();
  };
  try {
    watcher = watch(dir, { persistent: false }, settle);
    // The directory has gone, or no more can be watched: calls go on to look themselves.
    watcher.on('error', () => watcher?.close());
  } catch {
    // No such directory: the first reading says so.
    watcher = undefined;
  }
  look();
  return {
    close() {
      clearTimeout(timer);
      watcher?.close();
    },
  };
}

/** `page.yaml:3:8: steps[0].id: …`, in the form that editors jump to. */
function toLine({ file, path, message, position }: FileProblem): string {
  const place = `${file || 'directory'}${position ? `:${position.line}:${position.column}` : ''}`;
  return `${place}: ${path === '' ? '' : `${path}: `}${message}`;
}
