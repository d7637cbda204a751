/** A run as lines for a log or a pipe: one per change of a step. */

import type { Workflow } from '../contract/workflow.ts';
import { counted } from '../core/duration.ts';
import { toElapsed } from './elapsed.ts';
import { printable } from './printable.ts';
import { type Progress, toEndLine } from './progress.ts';
import type { StepBoard, StepLine } from './step-board.ts';

export function createPlainProgress(created: Workflow, board: StepBoard, out: NodeJS.WritableStream): Progress {
  const write = (line: string) => out.write(`${printable(line)}\n`);
  const writeSteps = (steps: readonly StepLine[]) => {
    for (const step of steps) write(toPlainLine(step, board));
  };
  write(`workflow ${created.id} ${created.name} (${counted(created.steps.length, 'step')})`);
  return {
    show: (workflow) => writeSteps(board.show(workflow)),
    apply: (event) => writeSteps(board.apply(event)),
    // Text that comes word by word has no place among lines.
    tell: () => undefined,
    note: write,
    end: (workflow) => {
      writeSteps(board.show(workflow));
      // Events do not carry errors; by now they are known.
      for (const { id, error } of board.steps.values()) if (error !== null) write(`${id}: ${error}`);
      write(toEndLine(workflow, board));
    },
  };
}

function toPlainLine(step: StepLine, board: StepBoard): string {
  const attempt = step.attempt > 1 ? ` attempt ${step.attempt}` : '';
  const time = step.durationMs === null ? '' : ` ${toElapsed(step.durationMs)}`;
  return `[${board.completed}/${board.steps.size}] ${step.id} (${step.action}) ${step.status}${attempt}${time}`;
}
