/**
 * Images whose address stands in `srcset`, of their own or of a `<picture>`, or is kept back until they are scrolled to:
 * each gets the address of its largest form as `src`.
 */
import type { PageElement } from './dom.ts';

/** As scripts of pages keep addresses back. */
const lateAttributes = ['data-src', 'data-original', 'data-lazy-src'];

export function settleImages(root: PageElement): void {
  for (const image of root.querySelectorAll('img')) {
    const src = (image.getAttribute('src') ?? '').trim();
    // A picture of nothing, to keep the place of the one that comes later.
    if (src !== '' && !/^data:/i.test(src)) continue;
    const address = findAddress(image);
    if (address !== undefined) image.setAttribute('src', address);
  }
}

function findAddress(image: PageElement): string | undefined {
  const picture = image.closest('picture');
  const sets = [image, ...(picture?.querySelectorAll('source') ?? [])].flatMap((element) =>
    ['srcset', 'data-srcset'].map((name) => element.getAttribute(name)),
  );
  const late = lateAttributes.map((name) => image.getAttribute(name)?.trim()).find((address) => address);
  return sets.map((set) => findLargest(set ?? '')).find((address) => address !== undefined) ?? late;
}

/** Of `a.jpg 480w, b.jpg 2x`: addresses may hold commas, and end before a space or with a comma of their own. */
function findLargest(srcset: string): string | undefined {
  let best: { address: string; size: number } | undefined;
  for (const [, written = '', descriptor = ''] of srcset.matchAll(/([^\s,]\S*)(?:(?<!,)\s+([^,]*))?/g)) {
    // A comma at the end of the address says that no descriptor follows it.
    const address = written.replace(/,+$/, '');
    const size = Number.parseFloat(descriptor) || 1;
    if (address !== '' && !/^data:/i.test(address) && (best === undefined || size > best.size))
      best = { address, size };
  }
  return best?.address;
}
