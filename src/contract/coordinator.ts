/**
 * What crosses between the engine's caller (server thread, program) and the coordinator. Plain data only, so that the
 * same calls work in one thread and across two.
 */
import type { Budget } from './budget.ts';
import type { BranchRequest, WorkflowDefinition } from './definition.ts';
import type { EngineHealth, EngineStats, ListQuery, ListReply } from './engine.ts';
import type { EngineEvent, EventGap, TokenEvent } from './event.ts';
import type { RefusalData } from './failures.ts';
import type { CostsQuery, CostsReply } from './ledger.ts';
import type { JobStatus } from './workflow.ts';

export interface IdempotencyClaim {
  key: string;
  /** SHA-256 (hex) of the call and its arguments as canonical JSON: fields may come in any order. Recorded with the key. */
  request: string;
  /** The same of their JSON as they came: what an engine before canonical JSON has recorded. Compared, never recorded. */
  requestAsSent: string;
}

/** A workflow's text; outputs that lie in blobs stand in it as `{blob, bytes}`, and `hasBlobs` says that there are some. */
export interface WorkflowText {
  id: string;
  version: number;
  status: JobStatus;
  json: string;
  hasBlobs: boolean;
  replayed: boolean;
}

interface Wait {
  /** 0: answer at once. null: wait without a bound. */
  waitMs: number | null;
  /** What ends the wait: at rest, or finished. */
  until: 'rest' | 'finished';
}

/** Call name → arguments and answer. */
export interface CoordinatorCalls {
  submit: {
    args: { definition: WorkflowDefinition; templateId: string | null; claim?: IdempotencyClaim } & Wait;
    answer: WorkflowText;
  };
  get: { args: { id: string } & Wait; answer: WorkflowText };
  peek: { args: { id: string }; answer: { version: number; status: JobStatus } };
  list: { args: ListQuery; answer: ListReply };
  readBlob: { args: { id: string; blob: string }; answer: Uint8Array };
  stop: { args: { id: string; claim?: IdempotencyClaim }; answer: WorkflowText };
  resume: { args: { id: string; budget?: Budget; claim?: IdempotencyClaim }; answer: WorkflowText };
  retry: { args: { id: string; claim?: IdempotencyClaim }; answer: WorkflowText };
  branch: { args: { id: string; request: BranchRequest; claim?: IdempotencyClaim } & Wait; answer: WorkflowText };
  delete: { args: { id: string }; answer: null };
  externalData: {
    args: {
      id: string;
      stepId: string | null;
      stepName: string | null;
      sourceUrl: string | null;
      action: string;
      /** The step's outputs as JSON text. */
      outputsJson: string;
      metadata: Record<string, unknown>;
      claim?: IdempotencyClaim;
    };
    /** The answer as JSON text: an ExternalDataReply. */
    answer: { json: string; replayed: boolean };
  };
  costs: { args: CostsQuery; answer: CostsReply };
  stats: { args: Record<string, never>; answer: EngineStats };
  health: { args: Record<string, never>; answer: EngineHealth };
  close: { args: Record<string, never>; answer: null };
}
export type CallName = keyof CoordinatorCalls;
export type Call<K extends CallName> = (
  args: CoordinatorCalls[K]['args'],
  signal?: AbortSignal,
) => Promise<CoordinatorCalls[K]['answer']>;

export type CallHandlers<K extends CallName = CallName> = { readonly [N in K]: Call<N> };

export type EventSink = (events: readonly (EngineEvent | EventGap)[]) => void;
export type TokenSink = (pieces: readonly TokenEvent[]) => void;

export interface CoordinatorPort {
  /** Rejects with a `Refusal`. An aborted signal ends the call's wait: it then answers with what there is. */
  call<K extends CallName>(
    name: K,
    args: CoordinatorCalls[K]['args'],
    signal?: AbortSignal,
  ): Promise<CoordinatorCalls[K]['answer']>;
  /**
   * Durable events of one workflow (null: of all) from now on, or from after `after`: first the backlog, then each batch.
   * Returns how to end it.
   */
  subscribe(after: number | null, workflowId: string | null, sink: EventSink): () => void;
  /** The texts that a workflow's running steps make: first all there is of each, then each piece. Returns how to end it. */
  listen(workflowId: string, sink: TokenSink): () => void;
}

/** Caller → coordinator thread. */
export type ToCoordinator =
  | { kind: 'call'; callId: number; name: CallName; args: CoordinatorCalls[CallName]['args'] }
  | { kind: 'abort'; callId: number }
  | { kind: 'subscribe'; subscriptionId: number; after: number | null; workflowId: string | null }
  | { kind: 'listen'; subscriptionId: number; workflowId: string }
  | { kind: 'unsubscribe'; subscriptionId: number };

/** Coordinator thread → caller. */
export type FromCoordinator =
  | { kind: 'ready'; notices: string[] }
  | { kind: 'unstartable'; message: string; exitStatus: number }
  | { kind: 'answer'; callId: number; answer: unknown }
  | { kind: 'refusal'; callId: number; refusal: RefusalData }
  | { kind: 'events'; subscriptionIds: number[]; events: Parameters<EventSink>[0] }
  | { kind: 'tokens'; subscriptionId: number; pieces: Parameters<TokenSink>[0] }
  /** The engine cannot go on: 74 the disk failed, 70 a broken rule. */
  | { kind: 'fatal'; message: string; exitStatus: 70 | 74 };
