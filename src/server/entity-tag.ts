/** ETags of workflows: a version never shrinks and grows with every change, so id and version name the bytes. */

export function entityTag(id: string, version: number): string {
  return `"${id.toLowerCase()}.${version}"`;
}

/** Weak comparison against the list in an If-None-Match header. */
export function matchesEntityTag(condition: string, tag: string): boolean {
  return condition.split(',').some((part) => {
    const given = part.trim();
    return given === '*' || given === tag || given === `W/${tag}`;
  });
}
