/**
 * Whether a regular expression repeats a group that itself repeats or branches, as `(a+)+` and `(a|b)*` do: the shape
 * behind run times that double with each character. Templates travel from hand to hand and their patterns run on the
 * engine's own threads, so such patterns are refused, harmless ones among them included.
 */
export function isSlowPattern(pattern: string): boolean {
  const groups: { varies: boolean }[] = [];
  let closed: { varies: boolean } | undefined;
  let inClass = false;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at];
    const group = closed;
    closed = undefined;
    if (character === '\\') {
      // A backreference can be slow by itself.
      if (!inClass && /[1-9k]/.test(pattern[at + 1] ?? '')) return true;
      at += 1;
    } else if (inClass) {
      inClass = character !== ']';
    } else if (character === '[') {
      inClass = true;
    } else if (character === '(') {
      groups.push({ varies: false });
      if (pattern[at + 1] === '?') at += 1;
    } else if (character === ')') {
      closed = groups.pop();
      // What varies inside varies for the group around it too.
      if (closed?.varies) markInnermost(groups);
    } else if (character === '|') {
      markInnermost(groups);
    } else if (character === '*' || character === '+' || character === '{') {
      if (group?.varies) return true;
      markInnermost(groups);
    } else if (character === '?') {
      markInnermost(groups);
    }
  }
  return false;
}

function markInnermost(groups: { varies: boolean }[]): void {
  const innermost = groups.at(-1);
  if (innermost) innermost.varies = true;
}
