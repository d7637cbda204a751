/** A status as a shape, and as a shape with its word. The canvas draws the same shapes. */
import type { JSX } from 'preact';
import { type Look, lookColours, lookWords } from './look.ts';

const octagon = 'M5 1.2h6L14.8 5v6L11 14.8H5L1.2 11V5z';
const hourglass = 'M4 2.2h8M4 13.8h8M5 2.4v1.8L8 8l-3 3.8v1.8M11 2.4v1.8L8 8l3 3.8v1.8';
const knock = { stroke: 'var(--glyph-knock)', fill: 'none' };
const line = { stroke: 'currentColor', fill: 'none' };

const shapes: Readonly<Record<Look, () => JSX.Element>> = {
  completed: () => (
    <>
      <circle cx="8" cy="8" r="7" fill="currentColor" />
      <path d="M4.8 8.3l2.3 2.3 4.2-4.8" stroke-width="1.8" {...knock} />
    </>
  ),
  running: () => (
    <>
      <circle cx="8" cy="8" r="6" stroke-width="1.8" opacity=".28" {...line} />
      <path class="spin" d="M8 2a6 6 0 0 1 5.6 8.2" stroke-width="1.8" {...line} />
      <path d="M6.6 5.6L10.6 8l-4 2.4z" fill="currentColor" />
    </>
  ),
  queued: () => (
    <>
      <circle cx="8" cy="8" r="6" stroke-width="1.8" {...line} />
      <path d="M8 4.8v3.4l2.4 1.4" stroke-width="1.8" {...line} />
    </>
  ),
  waiting: () => <circle cx="8" cy="8" r="6" stroke-width="1.8" stroke-dasharray="2.4 2.9" {...line} />,
  failed: () => (
    <>
      <path d={octagon} fill="currentColor" />
      <path d="M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8" stroke-width="2" {...knock} />
    </>
  ),
  stopped: () => (
    <>
      <rect x="1.8" y="1.8" width="12.4" height="12.4" rx="2.6" fill="currentColor" />
      <rect x="5.4" y="5.4" width="5.2" height="5.2" rx="1" fill="var(--glyph-knock)" />
    </>
  ),
  needs: () => (
    <>
      <path d={hourglass} stroke-width="1.8" {...line} />
      <path d="M6.3 13L8 10.6 9.7 13z" fill="currentColor" />
    </>
  ),
  skipped: () => (
    <>
      <circle cx="8" cy="8" r="6" stroke-width="1.8" {...line} />
      <path d="M4 12L12 4" stroke-width="1.8" {...line} />
    </>
  ),
  tolerated: () => (
    <>
      <circle cx="8" cy="8" r="7" fill="currentColor" />
      <path d="M4.8 8.3l2.3 2.3 4.2-4.8" stroke-width="1.8" {...knock} />
      <circle cx="12.9" cy="3.1" r="3.1" fill="var(--fail)" stroke="var(--glyph-knock)" stroke-width="1.2" />
    </>
  ),
};

/** Decoration: its word must stand beside it, or in a name that assistive technology reads. */
export function Glyph({ look, size = 16 }: { look: Look; size?: number }) {
  return (
    <svg
      class={`glyph tone-${lookColours[look]}`}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {shapes[look]()}
    </svg>
  );
}

export function Pill({ look, word }: { look: Look; word?: string }) {
  return (
    <span class={`pill tint-${lookColours[look]}`}>
      <Glyph look={look} size={13} />
      {word ?? lookWords[look]}
    </span>
  );
}
