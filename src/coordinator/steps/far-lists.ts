/**
 * Lists of `forEach` that are too large for the coordinator's thread: the reader makes them, and they come back as bytes. An
 * item is parsed when a step needs it.
 *
 * Rule, numbered for tests:
 *   FL1  a list that is kept is the one that the recorded outputs give: where these changed while it was read, it is read
 *        again.
 */
import { BindingError } from '../../core/bindings.ts';
import { combineLists, type ItemList } from '../../core/item-list.ts';
import { unpackList } from '../../core/packed-list.ts';
import type { StepState } from '../../core/step-state.ts';
import type { Clock } from '../clock.ts';
import type { Live } from '../workflows.ts';
import type { Inquiries } from './inquiries.ts';
import { draftList } from './inquiry-parts.ts';
import { isReadable, neededForList } from './needed-outputs.ts';
import { type Blobs, reader } from './step-outputs.ts';
import { keepList, knownList, listOf } from './step-scope.ts';

export interface FarList {
  readonly list: ItemList;
  /** Of all items; null where they have none. */
  readonly labels: readonly string[] | null;
}

export interface FarListsOptions {
  readonly inquiries: Inquiries;
  readonly clock: Pick<Clock, 'soon'>;
  readBlobs(live: Live, names: readonly string[]): Promise<Blobs>;
}

export class FarLists {
  readonly #options: FarListsOptions;
  /** Of all steps that wait for one list, the first has it read. */
  readonly #loading = new Map<string, Promise<void>>();

  constructor(options: FarListsOptions) {
    this.#options = options;
  }

  /** Reads the lists of these groups into memory, one after the other. Rejects with BindingError where one is none. */
  async load(live: Live, groups: Iterable<StepState>): Promise<void> {
    for (const group of groups) {
      const key = `${live.state.header.id}/${group.id}`;
      const loading = this.#loading.get(key) ?? this.#load(live, group).finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
      await loading;
    }
  }

  async #load(live: Live, group: StepState): Promise<void> {
    const { state } = live;
    for (;;) {
      if (knownList(state, group) !== undefined) return;
      const needed = neededForList(state, group);
      if (needed.farLists.size > 0) {
        await this.load(live, needed.farLists);
        continue;
      }
      if (!isReadable(state, group)) {
        const blobs = await this.#readBlobs(live, needed.blobs);
        if (isSame(needed.found, neededForList(state, group).found)) listOf(state, group, reader(blobs));
        continue;
      }
      const { list } = await this.make(live, group);
      // FL1.
      if (isSame(needed.found, neededForList(state, group).found)) keepList(state, group, list);
    }
  }

  /** The list of a group, its labels with it. Rejects with BindingError where it is none. */
  async make({ state }: Live, group: StepState): Promise<FarList> {
    const { inquiries } = this.#options;
    const draft = await draftList(state, group, () => this.#pause());
    const answer = await inquiries.ask(state.header.id, draft);
    if (answer.kind === 'fault') throw new BindingError(answer.fault);
    if (answer.kind === 'verdict') throw new Error('an inquiry about a list has a verdict');
    const lists = answer.lists.map(([name, packed]) => [name, unpackList(packed)] as const);
    return { list: combineLists(lists), labels: answer.labels };
  }

  async #readBlobs(live: Live, names: readonly string[]): Promise<Blobs> {
    try {
      return await this.#options.readBlobs(live, names);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new BindingError(`outputs that the step refers to cannot be read: ${why}`);
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.soon(resolve));
  }
}

function isSame<T>(before: ReadonlySet<T>, after: ReadonlySet<T>): boolean {
  return before.size === after.size && [...before].every((each) => after.has(each));
}
