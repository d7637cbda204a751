/**
 * The list of runs: pages of rows that are kept up by the common stream of events. A row whose event says all that the row
 * shows is changed in place; for the rest the first page is read again, at most twice a second. Runs that begin while the
 * reader is not at the top wait behind a button, so that nothing moves under the pointer.
 */
import { computed, signal } from '@preact/signals';
import type { WaitingStep } from '../../src/contract/decision.ts';
import type { EngineEvent } from '../../src/contract/event.ts';
import type { Facets } from '../../src/contract/run-view.ts';
import type { JobStatus, WorkflowSummary } from '../../src/contract/workflow.ts';
import { zone } from '../ui/time.ts';
import { get, getWithHeaders, withQuery } from '../wire/api.ts';
import { type EventStreamHandle, openEvents, type StreamEvent } from '../wire/sse.ts';
import { applyEvent } from './apply-row.ts';
import { type RunFilters, toApiQuery } from './filters.ts';

const pageRows = 50;
const rereadMs = 500;
const waitingShownMax = 20;

export class ListStore {
  /** null until the first page has come. */
  readonly rows = signal<readonly WorkflowSummary[] | null>(null);
  readonly total = signal(0);
  readonly facets = signal<Facets | null>(null);
  readonly waiting = signal<readonly WaitingStep[]>([]);
  readonly waitingTotal = signal(0);
  readonly error = signal<unknown>(null);
  /** Rows that came while the reader was not at the top. */
  readonly held = signal<readonly WorkflowSummary[]>([]);
  readonly chosen = signal<ReadonlySet<string>>(new Set());
  readonly isLoadingMore = signal(false);
  readonly hasMore = computed(() => (this.rows.value?.length ?? 0) < this.total.value - this.held.value.length);

  #filters: RunFilters;
  #stream: EventStreamHandle | null = null;
  #reading: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastReadAt = Number.NEGATIVE_INFINITY;
  #isAtTop = () => true;

  constructor(filters: RunFilters) {
    this.#filters = filters;
  }

  /** `isAtTop`: whether new rows may come in at once. */
  start(isAtTop: () => boolean): void {
    this.#isAtTop = isAtTop;
    this.#stream = openEvents('/api/events', {
      onEvent: (event) => this.#take(event),
      onOpen: () => void this.#read(),
      onGap: () => void this.#read(),
    });
  }

  end(): void {
    this.#stream?.close();
    this.#reading?.abort();
    clearTimeout(this.#timer);
  }

  /** Other filters: another list. */
  filter(filters: RunFilters): void {
    this.#filters = filters;
    this.chosen.value = new Set();
    this.held.value = [];
    void this.#read();
  }

  reload(): void {
    this.error.value = null;
    void this.#read();
  }

  showHeld(): void {
    this.rows.value = [...this.held.value, ...(this.rows.value ?? [])];
    this.held.value = [];
  }

  async more(): Promise<void> {
    const rows = this.rows.value;
    if (rows === null || this.isLoadingMore.value || !this.hasMore.value) return;
    this.isLoadingMore.value = true;
    try {
      // By offset, over what has come in above: rows that are met twice are taken once.
      const { data } = await this.#page(rows.length + this.held.value.length);
      const known = new Set((this.rows.value ?? []).map(({ id }) => id));
      this.rows.value = [...(this.rows.value ?? []), ...data.filter(({ id }) => !known.has(id))];
    } catch (error) {
      this.error.value = error;
    } finally {
      this.isLoadingMore.value = false;
    }
  }

  choose(id: string, isChosen: boolean): void {
    const next = new Set(this.chosen.value);
    if (isChosen) next.add(id);
    else next.delete(id);
    this.chosen.value = next;
  }

  chooseAll(isChosen: boolean): void {
    this.chosen.value = new Set(isChosen ? (this.rows.value ?? []).map(({ id }) => id) : []);
  }

  #page(offset: number, signal?: AbortSignal) {
    const query = { view: 'summary', limit: pageRows, offset, ...toApiQuery(this.#filters, zone.peek() === 'utc') };
    return getWithHeaders<WorkflowSummary[]>(withQuery('/api/workflows', query), signal ? { signal } : {});
  }

  async #read(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastReadAt = performance.now();
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    try {
      const { signal } = reading;
      const [page, facets, waiting] = await Promise.all([
        this.#page(0, signal),
        get<Facets>('/api/workflows/facets', { signal }).catch(() => null),
        getWithHeaders<WaitingStep[]>(`/api/waiting?limit=${waitingShownMax}`, { signal }).catch(() => null),
      ]);
      if (signal.aborted) return;
      this.facets.value = facets;
      this.waiting.value = waiting?.data ?? [];
      this.waitingTotal.value = Number(waiting?.headers.get('x-total-count') ?? this.waiting.value.length);
      this.#merge(page.data, Number(page.headers.get('x-total-count') ?? page.data.length));
      this.error.value = null;
      this.#stream?.caughtUp();
    } catch (error) {
      if (!reading.signal.aborted) this.error.value = error;
    }
  }

  /** Puts the first page in place of what it stands for, and leaves what was loaded below it. */
  #merge(page: readonly WorkflowSummary[], total: number): void {
    const rows = this.rows.value;
    this.total.value = total;
    if (rows === null || this.#isAtTop()) {
      this.held.value = [];
      this.rows.value = joined(page, rows?.slice(pageRows) ?? []);
      return;
    }
    const fresh = new Map(page.map((row) => [row.id, row]));
    const known = new Set(rows.map(({ id }) => id));
    this.held.value = page.filter(({ id }) => !known.has(id));
    const isWhole = page.length >= total;
    this.rows.value = rows.flatMap((row) => fresh.get(row.id) ?? (isWhole ? [] : [row]));
  }

  #take(event: StreamEvent): void {
    if (event.kind === 'step.tokens') return;
    const rows = this.rows.value;
    const at = rows?.findIndex(({ id }) => id === event.workflow_id) ?? -1;
    const row = rows?.[at];
    if (rows === null || row === undefined) {
      // A step of a run that is not shown changes nothing here.
      if (event.step_id === undefined) this.#soon();
      return;
    }
    const next = applyEvent(row, event);
    if (next !== row) this.rows.value = rows.with(at, next);
    if (needsRead(event, row.status)) this.#soon();
  }

  #soon(): void {
    if (this.#timer !== undefined) return;
    const waitMs = Math.max(0, this.#lastReadAt + rereadMs - performance.now());
    this.#timer = setTimeout(() => void this.#read(), waitMs);
  }
}

/** What an event cannot say: order, facets, who waits for a person, and runs that are gone. */
function needsRead(event: EngineEvent, before: JobStatus): boolean {
  return event.status !== before || event.step_counts === undefined || event.step_id === undefined;
}

function joined(head: readonly WorkflowSummary[], rest: readonly WorkflowSummary[]): WorkflowSummary[] {
  const known = new Set(head.map(({ id }) => id));
  return [...head, ...rest.filter(({ id }) => !known.has(id))];
}
