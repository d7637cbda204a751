/** The paths of the dashboard: its pages, all answered with one shell, and its files. */

/** As the router writes them. Each is known to `web/route.ts`, too. */
export const pagePaths = [
  '/',
  '/runs/{id}',
  '/runs/{id}/diff/{other}',
  '/new',
  '/new/{template}',
  '/costs',
  '/engine',
  '/schedules',
] as const;

const pagePattern = /^\/(?:runs\/[^/]+(?:\/diff\/[^/]+)?|new(?:\/[^/]+)?|costs|engine|schedules)?$/;
const filePrefix = '/assets/';

/** A page: a link on another site may lead there; without the token it shows nothing of the engine. */
export function isPagePath(path: string): boolean {
  return pagePattern.test(path);
}

/** A page or one of the files that pages load. */
export function isWebPath(path: string): boolean {
  return isPagePath(path) || (path.startsWith(filePrefix) && path.length > filePrefix.length);
}
