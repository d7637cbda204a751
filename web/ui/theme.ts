/** Light or dark: as the system says, until a person chooses. */
import { signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const root = document.documentElement;
const system = matchMedia('(prefers-color-scheme: dark)');

export const theme = signal<Theme>(root.dataset.theme === 'dark' ? 'dark' : 'light');

system.addEventListener('change', () => {
  if (readKept() === null) show(system.matches ? 'dark' : 'light');
});

export function switchTheme(): void {
  const next = theme.value === 'dark' ? 'light' : 'dark';
  show(next);
  try {
    localStorage.setItem('theme', next);
  } catch {
    // It then holds for this page alone.
  }
}

function show(next: Theme): void {
  root.dataset.theme = next;
  theme.value = next;
}

function readKept(): string | null {
  try {
    return localStorage.getItem('theme');
  } catch {
    return null;
  }
}
