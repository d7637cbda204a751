/**
 * The counts of one group: which steps stand for which item, which items have ended or failed, and which may run. All
 * are derived from the steps, so a state file keeps none of them.
 *
 * An item that is at work, with a step in line, running or held in a wait, may go on. The others take the places that
 * those leave, in the order of the list: an item may run when fewer than `concurrency` others are open before it or at
 * work behind it. So which items may run follows from the steps alone, live and after a restart. Behind it there are some
 * only after a retry: items that had begun when an earlier one was set going again.
 */
import { addAt, itemAt } from './item-at.ts';

export class GroupTally {
  /** The places of the steps of each item, in the order of its inner steps. */
  readonly places: number[][] = [];
  /** For each item, how many of its steps have not ended, have failed, and are at work. */
  readonly #open: number[] = [];
  readonly #failed: number[] = [];
  readonly #atWork: number[] = [];
  readonly #concurrency: number;
  openItems = 0;
  failedItems = 0;
  /** Items of which a step is at work. */
  itemsAtWork = 0;
  /** The first item that has to wait for a place, and how many places are taken: by open items before it, or at work. */
  #next = 0;
  #underWay = 0;
  /** Up to here all items have been taken (`takeBegun`). */
  #taken = 0;
  /** The item whose step has ended last. */
  #ending = -1;

  constructor(concurrency: number | null) {
    this.#concurrency = concurrency ?? Number.POSITIVE_INFINITY;
  }

  get count(): number {
    return this.places.length;
  }

  /** The first item that may not run yet; later ones may where they are at work. */
  get next(): number {
    this.#advance();
    return this.#next;
  }

  #advance(): void {
    for (; this.#next < this.places.length; this.#next += 1) {
      // One at work has its place already.
      if (!this.isOpen(this.#next) || this.isAtWork(this.#next)) continue;
      if (this.#underWay >= this.#concurrency) return;
      this.#underWay += 1;
    }
  }

  mayRun(index: number): boolean {
    return index < this.next || this.isAtWork(index);
  }

  /** More items are under way than may be, as a file of another maker can have it. */
  get isOverfull(): boolean {
    return this.#underWay > this.#concurrency;
  }

  /** The steps of the items that had not begun when the last step ended: until then no place was free for them. */
  *notBegun(): Generator<number> {
    for (let index = this.#next; index < this.places.length; index += 1) {
      if (!this.isAtWork(index) && index !== this.#ending) yield* itemAt(this.places, index);
    }
  }

  /** The items that may run and have not been taken here before, in order. */
  *takeBegun(): Generator<number> {
    for (const until = this.next; this.#taken < until; this.#taken += 1) yield this.#taken;
  }

  /** All items that may run are taken again. */
  retake(): void {
    this.#taken = 0;
  }

  isOpen(index: number): boolean {
    return itemAt(this.#open, index) > 0;
  }

  isFailed(index: number): boolean {
    return itemAt(this.#failed, index) > 0;
  }

  isAtWork(index: number): boolean {
    return itemAt(this.#atWork, index) > 0;
  }

  /** A step of item `index` at `place`; the steps of an item come in the order of its inner steps. */
  add(index: number, place: number, has: StepEnd): void {
    while (this.places.length <= index) {
      this.places.push([]);
      this.#open.push(0);
      this.#failed.push(0);
      this.#atWork.push(0);
    }
    itemAt(this.places, index).push(place);
    this.change(index, { isEnded: true, isFailed: false, isAtWork: false }, has);
  }

  change(index: number, had: StepEnd, has: StepEnd): void {
    if (has.isEnded && !had.isEnded) {
      // Who has begun follows from who was open before this end.
      this.#advance();
      this.#ending = index;
    }
    const hadPlace = this.#hasPlace(index);
    this.#changeOpen(index, Number(had.isEnded) - Number(has.isEnded));
    this.failedItems += addTo(this.#failed, index, Number(has.isFailed) - Number(had.isFailed));
    this.itemsAtWork += addTo(this.#atWork, index, Number(has.isAtWork) - Number(had.isAtWork));
    this.#underWay += Number(this.#hasPlace(index)) - Number(hadPlace);
    if (this.isOverfull && this.#isIdle(index) && index < this.#next) this.#takeBack(index);
  }

  #changeOpen(index: number, change: number): void {
    const items = addTo(this.#open, index, change);
    this.openItems += items;
    if (items > 0) this.#taken = Math.min(this.#taken, index);
  }

  #hasPlace(index: number): boolean {
    return this.isOpen(index) && (index < this.#next || this.isAtWork(index));
  }

  #isIdle(index: number): boolean {
    return this.isOpen(index) && !this.isAtWork(index);
  }

  /** The items from `index` on have to wait for a place again, save those at work. */
  #takeBack(index: number): void {
    for (let i = index; i < this.#next; i += 1) if (this.#isIdle(i)) this.#underWay -= 1;
    this.#next = index;
    this.#taken = Math.min(this.#taken, index);
  }
}

/** Changes the count of one item; returns by how many more items have any. */
function addTo(counts: number[], index: number, change: number): number {
  if (change === 0) return 0;
  const after = addAt(counts, index, change);
  return Number(after > 0) - Number(after - change > 0);
}

export interface StepEnd {
  readonly isEnded: boolean;
  readonly isFailed: boolean;
  /** It is in line, runs, or is held in a wait or by a budget; of a group: a step that it has made is. */
  readonly isAtWork: boolean;
}
