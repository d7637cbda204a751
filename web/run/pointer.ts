/** Pointer, wheel and pinch on the graph: a drag moves it, a click picks, a wheel or two fingers zoom. */

export interface PointerTarget {
  pan(dx: number, dy: number): void;
  zoom(factor: number, at: { x: number; y: number }): void;
  clickAt(x: number, y: number): void;
  hoverAt(x: number, y: number): void;
  leave(): void;
}

/** A pointer that moves less than this has clicked. */
const clickRange = 4;

interface Point {
  x: number;
  y: number;
}

export function listenToPointer(element: HTMLElement, target: PointerTarget): () => void {
  const pointers = new Map<number, Point>();
  let moved = 0;
  const placeOf = (event: MouseEvent): Point => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = (): number => {
    const [a, b] = [...pointers.values()];
    return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  };
  const middle = (): Point => {
    const [a, b] = [...pointers.values()];
    return a && b ? { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } : (a ?? { x: 0, y: 0 });
  };
  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    if (pointers.size === 0) moved = 0;
    pointers.set(event.pointerId, placeOf(event));
  };
  const onMove = (event: PointerEvent): void => {
    const at = placeOf(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== 'touch') target.hoverAt(at.x, at.y);
      return;
    }
    const oldSpread = spread();
    const oldMiddle = middle();
    pointers.set(event.pointerId, at);
    moved += Math.abs(at.x - before.x) + Math.abs(at.y - before.y);
    if (moved < clickRange) return;
    const now = middle();
    target.pan(now.x - oldMiddle.x, now.y - oldMiddle.y);
    if (oldSpread > 0) target.zoom(spread() / oldSpread, now);
  };
  const onUp = (event: PointerEvent): void => {
    const at = pointers.get(event.pointerId);
    pointers.delete(event.pointerId);
    if (at && moved < clickRange && event.type === 'pointerup') target.clickAt(at.x, at.y);
  };
  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    // A wheel of a mouse tells large steps in one direction; a trackpad small ones in both, and pinches with ctrlKey.
    const isMouse = event.deltaMode !== 0 || (Math.abs(event.deltaX) < 2 && Math.abs(event.deltaY) >= 40);
    const deltaY = event.deltaMode === 0 ? event.deltaY : event.deltaY * 30;
    if (event.ctrlKey || event.metaKey) target.zoom(Math.exp(-deltaY * (isMouse ? 0.0016 : 0.01)), placeOf(event));
    else if (isMouse && !event.shiftKey) target.zoom(Math.exp(-deltaY * 0.0016), placeOf(event));
    else target.pan(-(event.shiftKey ? deltaY : event.deltaX), event.shiftKey ? 0 : -deltaY);
  };
  const onDouble = (event: MouseEvent): void => target.zoom(1.8, placeOf(event));
  const onLeave = (): void => target.leave();
  element.addEventListener('pointerdown', onDown);
  element.addEventListener('pointermove', onMove);
  element.addEventListener('pointerup', onUp);
  element.addEventListener('pointercancel', onUp);
  element.addEventListener('pointerleave', onLeave);
  element.addEventListener('wheel', onWheel, { passive: false });
  element.addEventListener('dblclick', onDouble);
  return () => {
    element.removeEventListener('pointerdown', onDown);
    element.removeEventListener('pointermove', onMove);
    element.removeEventListener('pointerup', onUp);
    element.removeEventListener('pointercancel', onUp);
    element.removeEventListener('pointerleave', onLeave);
    element.removeEventListener('wheel', onWheel);
    element.removeEventListener('dblclick', onDouble);
  };
}
