/** What shows a run while it goes. */
import type { EngineEvent, TokenEvent } from '../contract/event.ts';
import type { Workflow } from '../contract/workflow.ts';
import { toElapsed } from './elapsed.ts';
import type { StepBoard } from './step-board.ts';

export interface Progress {
  show(workflow: Workflow): void;
  apply(event: EngineEvent): void;
  /** A piece of the text that a step makes. */
  tell(piece: TokenEvent): void;
  /** A line that stays. */
  note(line: string): void;
  /** The last word; nothing is shown after it. */
  end(workflow: Workflow): void;
}

export function toEndLine(workflow: Workflow, board: StepBoard): string {
  const time = toElapsed(Date.parse(workflow.updatedAt) - board.startedAtMs);
  return `workflow ${workflow.id} ${workflow.status}: ${board.completed} of ${board.steps.size} steps in ${time}`;
}
