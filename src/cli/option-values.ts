/** What options of the command line hold, read from text. */
import { InvalidArgumentError } from 'commander';

/** Beyond this a timer of the runtime would fire at once. */
const secondsMax = 2_000_000;

export function toCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** From seconds. */
export function toMilliseconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds > 0 && seconds <= secondsMax) return Math.ceil(seconds * 1000);
  throw new InvalidArgumentError(`It must be a number of seconds, up to ${secondsMax}.`);
}
