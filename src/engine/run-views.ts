/** What there is to read of a run besides the run: its definition, its log, its relatives. */
import type { CoordinatorPort, WorkflowText } from '../contract/coordinator.ts';
import type { AnswerOptions, LogOptions } from '../contract/engine.ts';
import { limits } from '../contract/limits.ts';
import type { DefinitionBack, Lineage, LogReply } from '../contract/run-view.ts';
import { type LoggedStep, toRunLog } from '../core/run-log.ts';
import { checkId } from './arguments.ts';

export class RunViews {
  readonly #coordinator: CoordinatorPort;

  constructor(coordinator: CoordinatorPort) {
    this.#coordinator = coordinator;
  }

  async definition(id: string, { room }: AnswerOptions): Promise<DefinitionBack> {
    return JSON.parse((await this.#read('definition', id, room)).json) as DefinitionBack;
  }

  async logs(id: string, { room, after, limit = limits.mergedLinesMax }: LogOptions): Promise<LogReply> {
    const steps = JSON.parse((await this.#read('logs', id, room)).json) as LoggedStep[];
    return toRunLog(steps, {
      limit: Math.min(limit, limits.mergedLinesMax),
      ...(after === undefined ? {} : { after }),
    });
  }

  async lineage(id: string): Promise<Lineage> {
    checkId(id);
    return this.#coordinator.call('lineage', { id });
  }

  /** Where the caller counts memory, room is made before a large text comes. */
  async #read(name: 'definition' | 'logs', id: string, room: AnswerOptions['room']): Promise<WorkflowText> {
    checkId(id);
    if (room === undefined) return this.#coordinator.call(name, { id });
    let text = await this.#coordinator.call(name, { id, textMax: limits.heldBytesFree });
    while (text.withheld !== undefined) {
      await room(text.withheld);
      text = await this.#coordinator.call(name, { id, textMax: text.withheld });
    }
    return text;
  }
}
