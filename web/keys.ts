/**
 * Keyboard shortcuts. Pages bind theirs while they are shown; `?` lists what is bound. None fires while a person types or
 * a dialog is open, except those with `Ctrl`.
 *
 * A key is written as `j`, `Shift e`, `Ctrl K`, `ArrowLeft`; two that follow each other as `Shift g, r`.
 */
import { useLayoutEffect, useRef } from 'preact/hooks';

export interface KeyBinding {
  readonly key: string;
  readonly label: string;
  /** The heading under which the help lists it. */
  readonly group: 'Everywhere' | 'Runs' | 'Run' | 'New run' | 'Compare';
  run(): void;
}

/** How long after the first of two keys the second may come. */
const pairMs = 1_500;

const layers: (readonly KeyBinding[])[] = [];
let pending: { key: string; until: number } | null = null;

/** Later bindings of a key hide earlier ones. */
export function bindKeys(bindings: readonly KeyBinding[]): () => void {
  layers.push(bindings);
  return () => {
    layers.splice(layers.indexOf(bindings), 1);
  };
}

/** Binds while a component is there. The bindings may be made anew at each rendering. */
export function useKeys(bindings: readonly KeyBinding[]): void {
  const latest = useRef(bindings);
  latest.current = bindings;
  // With the page itself: a key that is pressed when it is seen must not be lost, and other effects come a frame later.
  useLayoutEffect(
    () =>
      bindKeys(
        latest.current.map((binding, index) => ({
          ...binding,
          run: () => latest.current[index]?.run(),
        })),
      ),
    [],
  );
}

/** What is bound now, each key once. */
export function boundKeys(): KeyBinding[] {
  const byKey = new Map<string, KeyBinding>();
  for (const layer of layers) for (const binding of layer) byKey.set(binding.key, binding);
  return [...byKey.values()];
}

export function listenForKeys(): void {
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const key = keyName(event);
    if (key === null) return;
    const hasControl = key.startsWith('Ctrl ');
    if (!hasControl && (isTyping(event) || document.querySelector('dialog[open]') !== null)) return;
    if (key === 'Enter' && isPressed(event)) return;
    const isPair = pending !== null && pending.until > event.timeStamp;
    const name = isPair && pending !== null ? `${pending.key}, ${key}` : key;
    pending = null;
    const binding = find(name) ?? (isPair ? find(key) : undefined);
    if (binding !== undefined) {
      event.preventDefault();
      binding.run();
    } else if (layers.some((layer) => layer.some((other) => other.key.startsWith(`${key}, `)))) {
      pending = { key, until: event.timeStamp + pairMs };
    }
  });
}

/** null for modifiers alone and for what the browser keeps. Cmd counts as Ctrl. */
export function keyName(
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>,
): string | null {
  const { key } = event;
  if (event.altKey || ['Control', 'Meta', 'Shift', 'Alt'].includes(key)) return null;
  if (event.ctrlKey || event.metaKey)
    return `Ctrl ${event.shiftKey ? 'Shift ' : ''}${key.length === 1 ? key.toUpperCase() : key}`;
  // Shift is part of what other characters are typed with: `?` on many keyboards.
  const isLetter = /^[a-z]$/i.test(key);
  return event.shiftKey && (isLetter || key.length > 1) ? `Shift ${isLetter ? key.toLowerCase() : key}` : key;
}

function find(key: string): KeyBinding | undefined {
  for (let at = layers.length - 1; at >= 0; at -= 1) {
    const binding = layers[at]?.find((one) => one.key === key);
    if (binding !== undefined) return binding;
  }
  return undefined;
}

/** Enter on a button or a link is for it. */
function isPressed(event: KeyboardEvent): boolean {
  const [target] = event.composedPath();
  return target instanceof Element && target.closest('a, button, summary') !== null;
}

/** Also inside the editor's shadow root, whose events name only the host as their target. */
function isTyping(event: KeyboardEvent): boolean {
  const [target] = event.composedPath();
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(target.type);
}
