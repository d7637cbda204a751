/** Which versions of Node run the engine: the same as `engines` in package.json. It is loaded by those that do not, too. */

export const supportedNodes = '^20.19.0 || ^22.13.0 || >=24';

/** `version` as in `process.versions.node`: `22.13.0`. */
export function isSupportedNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major === 20) return minor >= 19;
  if (major === 22) return minor >= 13;
  return major >= 24;
}
