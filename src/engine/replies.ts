/**
 * Replies that hold a workflow's whole text: reading it, making room for it where the caller counts memory, and putting in the
 * outputs that lie in blobs.
 */
import type { CoordinatorPort, WorkflowText } from '../contract/coordinator.ts';
import { type AskRoom, type GraphOptions, type WaitOptions, WorkflowReply } from '../contract/engine.ts';
import { Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import { toWholeText } from './whole-outputs.ts';

export class Replies {
  readonly #coordinator: CoordinatorPort;

  constructor(coordinator: CoordinatorPort) {
    this.#coordinator = coordinator;
  }

  /** The bytes of one blob of a workflow. */
  readBlob(id: string, blob: string): Promise<Uint8Array> {
    return this.#coordinator.call('readBlob', { id, blob });
  }

  /** Waits for a workflow and reads it. Where the caller counts memory, room is made before a large text comes. */
  async read(
    id: string,
    { waitMs = 0, signal, room }: WaitOptions,
    { isPatient = false, graph }: { isPatient?: boolean; graph?: Pick<GraphOptions, 'since'> } = {},
  ): Promise<WorkflowText> {
    const name = graph === undefined ? 'get' : 'graph';
    const args = { id, until: 'rest' as const, ...(graph?.since === undefined ? {} : { since: graph.since }) };
    if (room === undefined) return this.#coordinator.call(name, { ...args, waitMs }, signal);
    let text = await this.#coordinator.call(name, { ...args, waitMs, textMax: limits.heldBytesFree }, signal);
    while (text.withheld !== undefined) {
      await room(text.withheld, isPatient);
      // A workflow that has grown since is withheld again.
      text = await this.#coordinator.call(name, { ...args, waitMs: 0, textMax: text.withheld });
    }
    return text;
  }

  /** Room for the answer of a change, made before the change: when it is refused, nothing has happened. */
  async makeRoom(id: string, room: AskRoom | undefined): Promise<void> {
    if (room === undefined) return;
    const { withheld } = await this.#coordinator
      .call('get', { id, waitMs: 0, until: 'rest', textMax: 0 })
      // What cannot be read has no size; the call itself says why.
      .catch((error: unknown) => {
        if (error instanceof Refusal) return { withheld: 0 };
        throw error;
      });
    if (withheld) await room(withheld);
  }

  /** The answer of a call that has created a workflow, after the wait that it asked for. */
  async toCreated(created: WorkflowText, { waitMs = 0, signal, room }: WaitOptions): Promise<WorkflowReply> {
    if (waitMs === 0 || room === undefined) return this.toReply(created, room, { isPatient: true });
    const waited = await this.read(created.id, { waitMs, room, ...(signal && { signal }) }, { isPatient: true });
    return this.toReply({ ...waited, replayed: created.replayed }, room, { isPatient: true });
  }

  /** The reply that callers read, its outputs whole unless `withoutBlobs`. */
  async toReply(
    text: WorkflowText,
    ask: AskRoom | undefined,
    { isPatient = false, withoutBlobs = false } = {},
  ): Promise<WorkflowReply> {
    const room = ask && ((bytes: number) => ask(bytes, isPatient));
    const readBlob = (blob: string) => this.readBlob(text.id, blob);
    const json = await toWholeText(text, { readBlob, room, withoutBlobs });
    const { id, version, status, replayed } = text;
    return new WorkflowReply({ id, version, status, json, replayed });
  }
}

/** Where the caller counts memory, a creation is followed by its wait: only then is it known how large the answer is. */
export function toFirstWait({ waitMs = 0, room }: WaitOptions) {
  const until = 'rest' as const;
  return room === undefined || waitMs === 0 ? { waitMs, until } : { waitMs: 0, until, textMax: 0 };
}
