/** Places in a step's params that references will fill, and all that hold such a place. */

type Path = readonly PropertyKey[];

/** As a tree, since a name of megabytes stands in the path of each place within. */
export class OpenPlaces {
  readonly #within = new Map<PropertyKey, OpenPlaces>();

  /** The place, and each that holds it, up to the whole. */
  add(path: Path): void {
    let at: OpenPlaces = this;
    for (const key of path) {
      const next: OpenPlaces = at.#within.get(key) ?? new OpenPlaces();
      at.#within.set(key, next);
      at = next;
    }
  }

  has(path: Path): boolean {
    let at: OpenPlaces = this;
    for (const key of path) {
      const next = at.#within.get(key);
      if (next === undefined) return false;
      at = next;
    }
    return !this.isEmpty;
  }

  get isEmpty(): boolean {
    return this.#within.size === 0;
  }
}
