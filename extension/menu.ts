/** The context menu: what is captured, and in it where it goes. */
import { toCutText, toSafeLine } from '../web/output/safe-text.ts';
import type { MenuItem } from './browser.ts';
import { kindWords } from './capture.ts';
import type { Known } from './kept.ts';
import type { CaptureKind } from './page.ts';
import { type Target, targetKey, toStepTarget } from './target.ts';

const kinds = ['selection', 'article', 'page'] as const;
/** Steps, and templates: a menu is no list to scroll in. */
const shownMax = 8;
const titleLengthMax = 60;
const keep = 'keep';

/** Those that a menu or a popup offers. */
export function targetsOf({ steps, templates }: Known): Target[] {
  const open = templates.filter(({ missing }) => missing.length === 0).map(({ target }) => target);
  return [...steps.map(toStepTarget), ...open];
}

export function toMenu(known: Known): MenuItem[] {
  const targets = targetsOf(known);
  const shown = (['step', 'template'] as const).map((kind) =>
    targets.filter((target) => target.kind === kind).slice(0, shownMax),
  );
  return kinds.flatMap((kind) => {
    const contexts = [kind === 'selection' ? 'selection' : 'page'] as const;
    const child = { parentId: kind, contexts };
    const groups = shown.flatMap((group, at): MenuItem[] => [
      ...group.map((target) => ({ ...child, id: `${kind}|${targetKey(target)}`, title: menuTitle(target) })),
      ...(group.length === 0 ? [] : [{ ...child, id: `${kind}|line${at}`, type: 'separator' as const }]),
    ]);
    return [
      { id: kind, title: `Send the ${kindWords[kind].toLowerCase()} to`, contexts },
      ...groups,
      { ...child, id: `${kind}|${keep}`, title: 'Keep it, and choose later' },
    ];
  });
}

/** What a click asks for; null where its target is not there any more. */
export function readMenuId(id: string, known: Known): { kind: CaptureKind; target: Target | null } | null {
  const kind = kinds.find((one) => id.startsWith(`${one}|`));
  if (kind === undefined) return null;
  const rest = id.slice(kind.length + 1);
  if (rest === keep) return { kind, target: null };
  const target = targetsOf(known).find((one) => targetKey(one) === rest);
  return target === undefined ? null : { kind, target };
}

/** `&` would underline a letter, and `%s` would become the selection. */
function menuTitle({ kind, name }: Target): string {
  const { text, isCut } = toCutText(toSafeLine(name), titleLengthMax);
  const shown = `${text}${isCut ? '…' : ''}`.replaceAll('&', '&&').replaceAll('%s', '%\u200bs');
  return kind === 'step' ? shown : `New: ${shown}`;
}
