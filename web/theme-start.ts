/** Runs before the first paint, so that a page that someone keeps dark is never light for a moment. */
let kept: string | null = null;
try {
  kept = localStorage.getItem('theme');
} catch {
  // Storage can be switched off; the theme of the system holds then.
}
const isDark = kept === 'dark' || (kept !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
document.documentElement.dataset.theme = isDark ? 'dark' : 'light';

export {};
