/**
 * The page's one Trusted Types policy. It makes a script's address of one path alone, the worker's, and HTML only for the
 * `srcdoc` of a frame with `sandbox=""`, in which nothing runs. A browser without Trusted Types takes the plain text.
 */

interface Policy {
  createScriptURL(path: string): unknown;
  createHTML(text: string): unknown;
}

interface PolicyFactory {
  createPolicy(name: string, rules: { [Rule in keyof Policy]: (input: string) => string }): Policy;
}

const factory = (globalThis as { trustedTypes?: PolicyFactory }).trustedTypes;

const policy: Policy = factory?.createPolicy('engine', {
  createScriptURL: onlyWorker,
  createHTML: (text) => text,
}) ?? { createScriptURL: onlyWorker, createHTML: (text) => text };

function onlyWorker(path: string): string {
  if (path !== WORKER_PATH) throw new TypeError(`${path} is not the worker`);
  return path;
}

export function startWorker(): Worker {
  return new Worker(policy.createScriptURL(WORKER_PATH) as string, { type: 'module' });
}

/** Only for `srcdoc` of a frame with `sandbox=""`. */
export function previewHtml(text: string): string {
  return policy.createHTML(text) as string;
}
