/**
 * The counts of one group: which steps stand for which item, which items have ended or failed, and which may run. All
 * are derived from the steps, so a state file keeps none of them.
 *
 * An item may run when fewer than `concurrency` items before it are open. So which items have begun follows from which
 * are open, live and after a restart alike.
 */
import { addAt, itemAt } from './item-at.ts';

export class GroupTally {
  /** The places of the steps of each item, in the order of its inner steps. */
  readonly places: number[][] = [];
  /** For each item, how many of its steps have not ended, and how many have failed. */
  readonly #open: number[] = [];
  readonly #failed: number[] = [];
  readonly #concurrency: number;
  openItems = 0;
  failedItems = 0;
  /** The first item that may not run yet, and how many before it are open. */
  #next = 0;
  #underWay = 0;
  #isCurrent = true;
  #taken = 0;

  constructor(concurrency: number | null) {
    this.#concurrency = concurrency ?? Number.POSITIVE_INFINITY;
  }

  get count(): number {
    return this.places.length;
  }

  /** The first item that may not run yet. */
  get next(): number {
    this.#advance();
    return this.#next;
  }

  #advance(): void {
    if (!this.#isCurrent) {
      this.#next = 0;
      this.#underWay = 0;
      this.#isCurrent = true;
    }
    while (this.#next < this.places.length && this.#underWay < this.#concurrency) {
      if (itemAt(this.#open, this.#next) > 0) this.#underWay += 1;
      this.#next += 1;
    }
  }

  /** The first item that had not begun when the last step ended: until then no place was free for it. */
  get begun(): number {
    return this.#next;
  }

  /** The items that may run and have not been taken here before, in order. */
  *takeBegun(): Generator<number> {
    for (const until = this.next; this.#taken < until; this.#taken += 1) yield this.#taken;
  }

  isOpen(index: number): boolean {
    return itemAt(this.#open, index) > 0;
  }

  isFailed(index: number): boolean {
    return itemAt(this.#failed, index) > 0;
  }

  /** A step of item `index` at `place`; the steps of an item come in the order of its inner steps. */
  add(index: number, place: number, has: StepEnd): void {
    while (this.places.length <= index) {
      this.places.push([]);
      this.#open.push(0);
      this.#failed.push(0);
    }
    itemAt(this.places, index).push(place);
    this.change(index, { isEnded: true, isFailed: false }, has);
  }

  change(index: number, had: StepEnd, has: StepEnd): void {
    if (had.isEnded !== has.isEnded) {
      // Who has begun follows from who was open before this end.
      if (has.isEnded) this.#advance();
      const open = addAt(this.#open, index, has.isEnded ? -1 : 1);
      if (has.isEnded && open === 0) {
        this.openItems -= 1;
        if (index < this.#next) this.#underWay -= 1;
      } else if (!has.isEnded && open === 1) {
        this.openItems += 1;
        this.#isCurrent = false;
        this.#taken = Math.min(this.#taken, index);
      }
    }
    if (had.isFailed !== has.isFailed) {
      const failed = addAt(this.#failed, index, has.isFailed ? 1 : -1);
      if (has.isFailed && failed === 1) this.failedItems += 1;
      else if (!has.isFailed && failed === 0) this.failedItems -= 1;
    }
  }
}

export interface StepEnd {
  readonly isEnded: boolean;
  readonly isFailed: boolean;
}
