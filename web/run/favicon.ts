/** The tab's icon says how the run is, in the shapes of the statuses; away from a run it is the product's own. */
import type { Columns } from './columns.ts';
import { isUnderWay } from './columns.ts';
import { look } from './look.ts';

const white = 'fill="none" stroke="#fff" stroke-width="2"';

/** Colours that can be told apart on a light and on a dark bar of tabs. */
const shapes = {
  failed: `<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" fill="#d3313b"/><path d="M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2" ${white}/>`,
  needs: `<rect x="1" y="1" width="14" height="14" rx="4" fill="#b97900"/><path d="M5 4h6M5 12h6M5.5 4L8 8l-2.5 4M10.5 4L8 8l2.5 4" fill="none" stroke="#fff" stroke-width="1.6"/>`,
  running: `<circle cx="8" cy="8" r="6.4" fill="none" stroke="#2f74e0" stroke-width="2.6"/><path d="M6.2 4.8L11.2 8l-5 3.2z" fill="#2f74e0"/>`,
  completed: `<circle cx="8" cy="8" r="7" fill="#16895f"/><path d="M4.6 8.3l2.4 2.4 4.4-5" ${white}/>`,
} as const;

export type IconShape = keyof typeof shapes;

/** What a person in another tab wants to know first; null where the product's own icon says enough. */
export function toIconShape(run: Columns): IconShape | null {
  if (run.counts[look.failed]! > 0 || run.head.status === 'FAILED') return 'failed';
  if (run.counts[look.needs]! > 0) return 'needs';
  if (isUnderWay(run)) return 'running';
  return run.head.status === 'COMPLETED' ? 'completed' : null;
}

let own: string | null = null;
let shown: IconShape | null = null;

export function showIcon(shape: IconShape | null): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link === null || shape === shown) return;
  own ??= link.href;
  shown = shape;
  link.href = shape === null ? own : toIconHref(shape);
}

/** As data: the page's policy allows images of these, and of no other host. */
export function toIconHref(shape: IconShape): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${shapes[shape]}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
