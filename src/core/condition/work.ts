/**
 * How much a condition may do. A unit is about what one part of a condition takes to evaluate; what reads or compares
 * data costs as many as it takes time for. A bound that is reached ends the evaluation, whatever surrounds the place.
 */
export interface ConditionBounds {
  /** Characters of a text that is read: searched, compared, measured or joined. */
  readonly textMax: number;
  /** Elements of a list, or entries of an object, that are looked through. The size of a longer list may be asked. */
  readonly listMax: number;
  /** Levels of lists and objects that are compared. */
  readonly levelsMax: number;
  readonly unitsMax: number;
}

/** With these a condition takes less than a millisecond once the code is warm, whatever the data: test/core/condition-bounds.test.ts. */
export const conditionBounds: ConditionBounds = {
  textMax: 64 * 1024,
  listMax: 1_000,
  levelsMax: 64,
  unitsMax: 12_000,
};

/** The message says which bound, and the way out. */
export class BoundReached extends Error {
  readonly bound: keyof ConditionBounds;

  constructor(bound: keyof ConditionBounds, message: string) {
    super(`${message}; use a transform step`);
    this.bound = bound;
  }
}

/** Counts one evaluation. */
export class Work {
  readonly bounds: ConditionBounds;
  units = 0;
  readonly #unitsMax: number;

  constructor(bounds: ConditionBounds = conditionBounds) {
    this.bounds = bounds;
    this.#unitsMax = bounds.unitsMax;
  }

  spend(units: number): void {
    this.units += units;
    if (this.units > this.#unitsMax) {
      throw new BoundReached('unitsMax', `it takes more than ${this.#unitsMax} units of work`);
    }
  }

  /** Before characters are read; `perUnit` of them take as long as a part of a condition. */
  readText(length: number, perUnit: number): void {
    const { textMax } = this.bounds;
    if (length > textMax) {
      throw new BoundReached('textMax', `it reads a text of ${length} characters, at most ${textMax} are allowed`);
    }
    this.spend(Math.ceil(length / perUnit));
  }

  /** Before a list or the entries of an object are looked through. */
  lookThrough(length: number): void {
    const { listMax } = this.bounds;
    if (length > listMax) {
      throw new BoundReached('listMax', `it looks through a list of ${length}, at most ${listMax} are allowed`);
    }
  }

  descend(level: number): void {
    const { levelsMax } = this.bounds;
    if (level > levelsMax) {
      throw new BoundReached('levelsMax', `it compares values of more than ${levelsMax} levels`);
    }
  }
}
