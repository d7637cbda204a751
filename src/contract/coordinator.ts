/**
 * The calls and messages between the caller's thread (a server, a program) and the coordinator. Plain data only, so
 * that the same calls work in one thread and across two.
 */
import { z } from 'zod';
import type { Budget } from './budget.ts';
import type { WaitingQuery, WaitingReply } from './decision.ts';
import type { BranchRequest, Template, WorkflowDefinition } from './definition.ts';
import type { EngineHealth, EngineStats, ListReply } from './engine.ts';
import {
  type EngineEvent,
  type EventGap,
  engineEventSchema,
  eventGapSchema,
  type TokenEvent,
  tokenEventSchema,
} from './event.ts';
import type { RefusalData } from './failures.ts';
import type { CostsQuery, CostsReply } from './ledger.ts';
import type { ListFilter, ListQuery } from './list-query.ts';
import type { KeptClients } from './pairing.ts';
import type { Facets, Lineage } from './run-view.ts';
import type { KeptSchedules } from './schedule.ts';
import type { JobStatus } from './workflow.ts';

export interface IdempotencyClaim {
  key: string;
  /**
   * SHA-256 (hex) of the call and its arguments as canonical JSON: fields may come in any order. Recorded with the
   * key.
   */
  request: string;
  /**
   * The same of their JSON as they came: what an engine before canonical JSON has recorded. Compared, never recorded.
   */
  requestAsSent: string;
}

/** A workflow as JSON text. Outputs in blobs appear as `{blob, bytes}`; `hasBlobs` is true when there are some. */
export interface WorkflowText {
  id: string;
  version: number;
  status: JobStatus;
  json: string;
  hasBlobs: boolean;
  replayed: boolean;
  /** Present where the text is longer than the call's `textMax`: its length in characters. `json` is then empty. */
  withheld?: number;
}

/** A step as JSON text: its definition whole, with what its group has gathered, and the message of an approval. */
export interface StepText {
  json: string;
  /** The outputs appear as `{blob, bytes}`. */
  hasBlobs: boolean;
  /** Of an approval that waits: the JSON Schema of a decision's data, references bound. */
  dataSchema?: Record<string, unknown>;
  withheld?: number;
}

/** For every call that is answered with a `WorkflowText` or a `StepText`. */
export interface TextBound {
  /** A longer text stays with the coordinator: the caller makes room for it and asks for it again. */
  textMax?: number;
}

interface Wait extends TextBound {
  /** 0: answer at once. null: wait without a bound. */
  waitMs: number | null;
  /** The wait ends when the workflow is at rest, or when it is finished. */
  until: 'rest' | 'finished';
}

/** Each call by name: its arguments and its answer. */
export interface CoordinatorCalls {
  submit: {
    args: {
      definition: WorkflowDefinition;
      /** The new workflow's `warnings`. */
      warnings?: readonly string[];
      templateId: string | null;
      /** The templates that its `workflow` steps can reach, by id. */
      templates?: Readonly<Record<string, Template>>;
      claim?: IdempotencyClaim;
    } & Wait;
    answer: WorkflowText;
  };
  get: { args: { id: string } & Wait; answer: WorkflowText };
  /** The run as columns; with `since` only the steps that have changed since that version. */
  graph: { args: { id: string; since?: number } & Wait; answer: WorkflowText };
  /** As JSON text: a `DefinitionBack`; what the log is made from (`LoggedStep[]`); a `Lineage`. */
  definition: { args: { id: string } & TextBound; answer: WorkflowText };
  logs: { args: { id: string } & TextBound; answer: WorkflowText };
  lineage: { args: { id: string }; answer: Lineage };
  peek: { args: { id: string }; answer: { version: number; status: JobStatus } };
  /** One step: costs what the step and, of a group, its items take. */
  step: { args: { id: string; stepId: string; bound?: true } & TextBound; answer: StepText };
  list: { args: ListQuery; answer: ListReply };
  facets: { args: ListFilter; answer: Facets };
  waiting: { args: WaitingQuery; answer: WaitingReply };
  readBlob: { args: { id: string; blob: string }; answer: Uint8Array };
  stop: { args: { id: string; claim?: IdempotencyClaim } & TextBound; answer: WorkflowText };
  resume: { args: { id: string; budget?: Budget; claim?: IdempotencyClaim } & TextBound; answer: WorkflowText };
  retry: { args: { id: string; claim?: IdempotencyClaim } & TextBound; answer: WorkflowText };
  branch: {
    args: {
      id: string;
      request: BranchRequest;
      /** Lines for the new workflow's `warnings`, about the request's params: `params.x: …`. */
      told?: readonly string[];
      claim?: IdempotencyClaim;
    } & Wait;
    answer: WorkflowText;
  };
  /** `version`: refused with CONFLICT unless the workflow is finished and still has this version. */
  delete: { args: { id: string; version?: number }; answer: null };
  externalData: {
    args: {
      id: string;
      stepId: string | null;
      stepName: string | null;
      add?: boolean;
      sourceUrl: string | null;
      contentType?: string;
      action: string;
      /** The step's outputs as JSON text. */
      outputsJson: string;
      metadata: Record<string, unknown>;
      claim?: IdempotencyClaim;
    };
    /** The answer as JSON text: an ExternalDataReply. */
    answer: { json: string; replayed: boolean };
  };
  decide: {
    args: {
      id: string;
      stepId: string;
      approved: boolean;
      by: string | null;
      comment: string | null;
      data: unknown;
      /** Whether `data` has been held against the step's schema, or need not be. */
      isChecked: boolean;
      claim?: IdempotencyClaim;
    };
    /** The answer as JSON text: the step. */
    answer: { json: string; replayed: boolean };
  };
  /** What is kept of schedules; empty at first, and where the file cannot be read (then it is set aside). */
  readSchedules: { args: Record<string, never>; answer: KeptSchedules };
  /** Durable when it is answered. */
  writeSchedules: { args: KeptSchedules; answer: null };
  /**
   * The workflows that were made under keys, null where there is none; and those with a key of this prefix that are not
   * finished.
   */
  keyedWorkflows: {
    args: { keys: readonly string[]; prefix: string };
    answer: { owners: (string | null)[]; unfinished: string[] };
  };
  /** What is kept of paired clients; nobody at first, and where the file cannot be read (then it is set aside). */
  readClients: { args: Record<string, never>; answer: KeptClients };
  /** Durable when it is answered. */
  writeClients: { args: KeptClients; answer: null };
  /** Whether a workflow holds a key with this prefix; false for an unknown one. */
  holdsKey: { args: { id: string; prefix: string }; answer: { holds: boolean } };
  /** The workflows that hold a key with this prefix. */
  keyOwners: { args: { prefix: string }; answer: { ids: string[] } };
  /** The workflow that a delivery of a webhook has made, also where it is deleted; null where there is none. */
  delivered: { args: { key: string }; answer: { id: string | null } };
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
  /** Rejects with a `Refusal`. An aborted signal ends the call's wait; the answer is then the present state. */
  call<K extends CallName>(
    name: K,
    args: CoordinatorCalls[K]['args'],
    signal?: AbortSignal,
  ): Promise<CoordinatorCalls[K]['answer']>;
  /**
   * Durable events of one workflow (null: of all) from now on, or from after `after`: first the backlog, then each
   * batch. Returns how to end it.
   */
  subscribe(after: number | null, workflowId: string | null, sink: EventSink): () => void;
  /** The texts of a workflow's running steps: first each text so far, then each piece. Returns how to end it. */
  listen(workflowId: string, sink: TokenSink): () => void;
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null;
/** Every name of a call, each once. */
const callNames: Record<CallName, true> = {
  submit: true,
  get: true,
  graph: true,
  definition: true,
  logs: true,
  lineage: true,
  peek: true,
  step: true,
  list: true,
  facets: true,
  waiting: true,
  readBlob: true,
  stop: true,
  resume: true,
  retry: true,
  branch: true,
  delete: true,
  externalData: true,
  decide: true,
  readSchedules: true,
  writeSchedules: true,
  readClients: true,
  writeClients: true,
  holdsKey: true,
  keyedWorkflows: true,
  keyOwners: true,
  delivered: true,
  costs: true,
  stats: true,
  health: true,
  close: true,
};
/** A caller's number for a call or a subscription; one sequence for both. */
const numberSchema = z.int().min(1);

/**
 * Caller → coordinator thread. Tests hold every message against this schema; at run time both sides are of one build,
 * and what callers give has been checked before it is sent.
 */
export const toCoordinatorSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('call'),
    callId: numberSchema,
    name: z.enum(Object.keys(callNames) as CallName[]),
    args: z.custom<CoordinatorCalls[CallName]['args']>(isObject),
  }),
  z.strictObject({ kind: z.literal('abort'), callId: numberSchema }),
  z.strictObject({
    kind: z.literal('subscribe'),
    subscriptionId: numberSchema,
    after: z.int().nullable(),
    workflowId: z.string().nullable(),
  }),
  z.strictObject({ kind: z.literal('listen'), subscriptionId: numberSchema, workflowId: z.string() }),
  z.strictObject({ kind: z.literal('unsubscribe'), subscriptionId: numberSchema }),
]);
export type ToCoordinator = z.infer<typeof toCoordinatorSchema>;

/** Coordinator thread → caller. */
export const fromCoordinatorSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ready'), notices: z.array(z.string()) }),
  z.strictObject({ kind: z.literal('unstartable'), message: z.string(), exitStatus: z.int() }),
  z.strictObject({ kind: z.literal('answer'), callId: numberSchema, answer: z.unknown() }),
  z.strictObject({ kind: z.literal('refusal'), callId: numberSchema, refusal: z.custom<RefusalData>(isObject) }),
  z.strictObject({
    kind: z.literal('events'),
    subscriptionIds: z.array(numberSchema).min(1),
    events: z.array(z.union([engineEventSchema, eventGapSchema])).readonly(),
  }),
  z.strictObject({
    kind: z.literal('tokens'),
    subscriptionId: numberSchema,
    pieces: z.array(tokenEventSchema).readonly(),
  }),
  /** The engine cannot go on: 74 the disk failed, 70 a broken rule. */
  z.strictObject({ kind: z.literal('fatal'), message: z.string(), exitStatus: z.literal([70, 74]) }),
]);
export type FromCoordinator = z.infer<typeof fromCoordinatorSchema>;
