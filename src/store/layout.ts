/** The paths of a data directory: WORKFLOWS_DIR and the queue file. */
import path from 'node:path';
import { workflowIdSchema } from '../contract/workflow.ts';

export interface Layout {
  workflowsDir: string;
  queueFile: string;
  engineDir: string;
  journalDir: string;
  quarantineDir: string;
  cacheDir: string;
  checkpointFile: string;
  finishedFile: string;
  formatFile: string;
  schedulesFile: string;
  clientsFile: string;
  lockFile: string;
}

export function layoutOf(workflowsDir: string, queueFile: string): Layout {
  const engineDir = path.join(workflowsDir, '.engine');
  return {
    workflowsDir,
    queueFile,
    engineDir,
    journalDir: path.join(engineDir, 'journal'),
    quarantineDir: path.join(engineDir, 'quarantine'),
    cacheDir: path.join(engineDir, 'cache'),
    checkpointFile: path.join(engineDir, 'checkpoint.json'),
    finishedFile: path.join(engineDir, 'finished.jsonl'),
    formatFile: path.join(engineDir, 'format.json'),
    schedulesFile: path.join(engineDir, 'schedules.json'),
    clientsFile: path.join(engineDir, 'clients.json'),
    lockFile: path.join(engineDir, 'lock'),
  };
}

export function isWorkflowId(name: string): boolean {
  return workflowIdSchema.safeParse(name).success;
}

/** Refuses anything but a UUID, so that no id can lead out of WORKFLOWS_DIR. */
export function workflowDirectoryOf(layout: Layout, id: string): string {
  if (!isWorkflowId(id)) throw new Error(`"${id}" is not a workflow id (a UUID), so it names no directory`);
  return path.join(layout.workflowsDir, id);
}

export function stateFileOf(layout: Layout, id: string): string {
  return path.join(workflowDirectoryOf(layout, id), 'state.json');
}
