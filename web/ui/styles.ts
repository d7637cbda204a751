/** A style sheet that only some pages need, loaded before the first of them is shown. */

const loading = new Map<string, Promise<void>>();

export function loadStyles(path: string): Promise<void> {
  const known = loading.get(path);
  if (known !== undefined) return known;
  const sheet = document.createElement('link');
  sheet.rel = 'stylesheet';
  sheet.href = path;
  const loaded = new Promise<void>((resolve, reject) => {
    sheet.addEventListener('load', () => resolve());
    sheet.addEventListener('error', () => {
      loading.delete(path);
      sheet.remove();
      reject(new Error('A part of the dashboard could not be loaded'));
    });
  });
  loading.set(path, loaded);
  document.head.append(sheet);
  return loaded;
}
