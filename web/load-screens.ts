import { loadStyles } from './ui/styles.ts';

/** The screens beside the list and a run, with their styles. */
export async function loadScreens() {
  const [screens] = await Promise.all([import('./screens.ts'), loadStyles(SCREENS_STYLE_PATH)]);
  return screens;
}
