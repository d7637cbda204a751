/**
 * What a checker is told: everything that can be seen of an engine from outside, in the order in which it was seen.
 * Checkers know the guarantees and the contract's types; they share no code with what they check.
 */
import type { CoordinatorCalls } from '../../src/contract/coordinator.ts';
import type { EngineEvent, EventGap } from '../../src/contract/event.ts';
import type { RefusalData } from '../../src/contract/failures.ts';
import type { Job, Outcome } from '../../src/contract/job.ts';
import type { CostsReply } from '../../src/contract/ledger.ts';
import type { Workflow, WorkflowSummary } from '../../src/contract/workflow.ts';
import type { Effect } from '../../src/coordinator/effects.ts';

export type CallKind =
  | 'submit'
  | 'get'
  | 'list'
  | 'stop'
  | 'resume'
  | 'retry'
  | 'branch'
  | 'delete'
  | 'externalData'
  | 'decide'
  | 'readBlob';

/** A client's call. One that is made again with the same key is the same effect: it shares `effect`. */
export interface SentCall {
  readonly number: number;
  readonly effect: number;
  readonly kind: CallKind;
  /** The workflow it is about; null for those that make one, and for lists. */
  readonly id: string | null;
  readonly args: unknown;
  readonly key: string | null;
  /** What makes its effect known again: a name, a content. */
  readonly mark: string;
}

export type Answer = CoordinatorCalls[CallKind]['answer'];

/** One execution of a step in the pool; `content` occurs in its outputs, and in no other's. */
export interface Execution {
  readonly job: Job;
  readonly content: string;
}

export type DocumentSource = 'answer' | 'replay' | 'file';

export interface Check {
  sent?(call: SentCall): void;
  answered?(call: SentCall, answer: Answer): void;
  refused?(call: SentCall, refusal: RefusalData): void;
  /** `call`: whose answer it came with; null when it was read from the disk. */
  document?(workflow: Workflow, text: string, source: DocumentSource, call: SentCall | null): void;
  summaries?(items: readonly WorkflowSummary[], call: SentCall): void;
  /** By workflow. */
  costs?(reply: CostsReply): void;
  event?(event: EngineEvent): void;
  /** One of all files, as a program reads it. */
  file?(path: string, bytes: Buffer): void;
  gap?(gap: EventGap): void;
  dispatched?(execution: Execution): void;
  /** An outcome reached the engine; `isFirst`: none has before. */
  ended?(execution: Execution, outcome: Outcome, isFirst: boolean): void;
  /** All is at its end, and will stay so: the latest documents, by id. */
  calm?(workflows: ReadonlyMap<string, Workflow>): void;
  /** What a batch lets out; `durableSeq` is the last event that is durable by now. */
  effects?(effects: readonly Effect[], durableSeq: number): void;
  /** `isClean`: it was stopped in good order, to the end. */
  lifeEnded?(end: { isClean: boolean }): void;
  /** The engine can be used; `lastSeq` is the number of the last event it knows. */
  lifeBegan?(began: { lastSeq: number }): void;
}

/** A broken guarantee. */
export class Violation extends Error {
  readonly guarantee: string;

  constructor(guarantee: string, message: string) {
    super(`${guarantee}: ${message}`);
    this.name = 'Violation';
    this.guarantee = guarantee;
  }
}
