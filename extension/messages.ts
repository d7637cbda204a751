/** What the popup asks the worker for. The worker alone sends captures, so that none is sent by two at once. */
import type { SendOutcome } from './engine.ts';

export type PopupMessage =
  /** Look what waits, and send what is queued. */
  | { readonly kind: 'look' }
  /** The same; the answer tells what became of this capture. */
  | { readonly kind: 'send'; readonly id: string };

/** Null where the capture was not sent: it is queued behind others, or was dropped. */
export type PopupAnswer = { readonly outcome: SendOutcome | null };

export function readMessage(message: unknown): PopupMessage | null {
  const { kind, id } = (message ?? {}) as { kind?: unknown; id?: unknown };
  if (kind === 'look') return { kind };
  return kind === 'send' && typeof id === 'string' ? { kind, id } : null;
}
