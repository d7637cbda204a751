/** Randomness with names: everything a seed decides is drawn here. */
import { createRandom, type Random } from '../store/power-cut-disk.ts';

export class Dice {
  readonly random: Random;

  constructor(seed: number) {
    this.random = createRandom(seed);
    // Neighbouring seeds begin alike.
    for (let i = 0; i < 3; i += 1) this.random();
  }

  /** A stream of its own, so that a draw more here changes nothing there. */
  fork(): Dice {
    return new Dice(Math.floor(this.random() * 2 ** 32));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** Integer from 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** One of the names, as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const names = Object.keys(weights) as K[];
    let left = this.random() * names.reduce((sum, name) => sum + weights[name], 0);
    for (const name of names) {
      left -= weights[name];
      if (left < 0) return name;
    }
    return names[names.length - 1] as K;
  }

  hex(digits: number): string {
    let text = '';
    while (text.length < digits)
      text += Math.floor(this.random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    return text.slice(0, digits);
  }

  uuid(): string {
    const hex = this.hex(32);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

/** 32-bit FNV-1a. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
