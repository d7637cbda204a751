/**
 * Counts the keys of a JSON text while it is scanned. Objects of many keys are what costs: an object with 370,000 keys
 * takes seconds to build, check and copy, where as many numbers take milliseconds.
 *
 *   KC1  one object holds at most `keysOfOneMax` keys, and the whole text at most `keysMax`;
 *   KC2  the steps of a definition bring room of their own: their own fields do not count, and each adds a few keys, so
 *        that a definition of as many steps as may be is never refused for them; how many steps there are is counted
 *        before one of them is built.
 */
import { limits } from '../contract/limits.ts';

export interface KeyBounds {
  keysMax: number;
  keysOfOneMax: number;
  /** For bodies that are definitions: the items that `steps` may have. */
  stepsMax?: number;
}

export type KeyFinding = { kind: 'too_many_keys' } | { kind: 'too_many_keys_in_one' } | { kind: 'too_many_steps' };

/** More than the fields that a step may have. */
const fieldsOfStep = 16;
const keysPerStep = 4;
/** `{"steps": [{` */
const levelOfSteps = 2;
const levelOfStep = 3;

export class KeyCount {
  readonly #bounds: KeyBounds;
  /** For each open level, the keys of its object. */
  readonly #keysAt = new Int32Array(limits.jsonDepthMax + 2);
  #keys = 0;
  #steps = 0;
  #items = 0;
  #isStepsNext = false;
  #isInSteps = false;

  constructor(bounds: KeyBounds) {
    this.#bounds = bounds;
  }

  /** An object or array begins, which is at level `depth`, counted from 1. */
  open(depth: number, isObject: boolean): void {
    this.#keysAt[depth] = 0;
    if (depth === levelOfSteps) {
      this.#isInSteps = this.#isStepsNext && !isObject;
      this.#items = 0;
    }
    if (this.#isInSteps && depth === levelOfStep && isObject) this.#steps += 1;
  }

  /** An object or array ends, and with it level `depth`. */
  close(depth: number): void {
    if (depth === levelOfSteps) this.#isInSteps = false;
  }

  /** A comma at level `depth`. */
  comma(depth: number): KeyFinding | null {
    if (!this.#isInSteps || depth !== levelOfSteps) return null;
    this.#items += 1;
    return this.#items >= (this.#bounds.stepsMax ?? Number.POSITIVE_INFINITY) ? { kind: 'too_many_steps' } : null;
  }

  /** A colon, and so a key, at level `depth`; `isSteps` when the key reads "steps". */
  key(depth: number, isSteps: () => boolean): KeyFinding | null {
    const ofOne = (this.#keysAt[depth] ?? 0) + 1;
    this.#keysAt[depth] = ofOne;
    if (ofOne > this.#bounds.keysOfOneMax) return { kind: 'too_many_keys_in_one' };
    if (depth === 1) this.#isStepsNext = this.#bounds.stepsMax !== undefined && isSteps();
    if (this.#isInSteps && depth === levelOfStep && ofOne <= fieldsOfStep) return null;
    this.#keys += 1;
    return this.#keys > this.#bounds.keysMax + keysPerStep * this.#steps ? { kind: 'too_many_keys' } : null;
  }
}
