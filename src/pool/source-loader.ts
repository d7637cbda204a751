/** The flags with which a thread or a process runs from source, without a build. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/**
 * A thread that runs from source needs the loader tsx. It is resolved from this file, because the working directory
 * may be anywhere. In a worker thread on Node 20 tsx hooks only `require`, with which Piscina first tries to load a
 * module. Modules of a plain Worker, and later imports of any module, need the hooks of `import` as well.
 */
export function toExecArgv(threadUrl: URL): string[] | undefined {
  if (!isSource(threadUrl)) return undefined;
  const loader = findLoader();
  const api = new URL('./esm/api/index.mjs', loader);
  const registerImport = `import { register } from ${JSON.stringify(api.href)}; register();`;
  return ['--import', loader.href, '--import', `data:text/javascript,${encodeURIComponent(registerImport)}`];
}

export function toProcessExecArgv(processUrl: URL): string[] {
  return isSource(processUrl) ? ['--import', findLoader().href] : [];
}

function isSource(url: URL): boolean {
  return url.pathname.endsWith('.ts');
}

function findLoader(): URL {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx'));
}
