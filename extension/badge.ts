/** What the button shows: how many steps wait for a page, or that captures wait for the engine. */
import type { Known } from './kept.ts';

export interface Badge {
  readonly text: string;
  /** Of the tokens in web/theme.css. */
  readonly colour: string;
  readonly title: string;
}

const accent = '#4338ca';
const need = '#8f5e00';
const product = 'Hybrid Engine';

/** `kept`: how many captures are on this machine. */
export function toBadge(isPaired: boolean, { isHere, isUnpaired, steps }: Known, kept: number): Badge {
  if (!isPaired || isUnpaired) {
    return { text: isUnpaired ? '!' : '', colour: need, title: `${product}: pair it with your engine` };
  }
  const captures = kept === 0 ? '' : `, ${countOf(kept, 'capture is', 'captures are')} kept here`;
  if (isHere === false) {
    return { text: kept === 0 ? '' : countText(kept), colour: need, title: `${product}: not reached${captures}` };
  }
  const waits = countOf(steps.length, 'step waits', 'steps wait');
  return {
    text: steps.length === 0 ? '' : countText(steps.length),
    colour: accent,
    title: `${product}: ${waits} for a page${captures}`,
  };
}

/** A badge has room for four characters. */
function countText(count: number): string {
  return count > 99 ? '99+' : String(count);
}

function countOf(count: number, one: string, many: string): string {
  return `${count === 0 ? 'no' : count} ${count === 1 ? one : many}`;
}
