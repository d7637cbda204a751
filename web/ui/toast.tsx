/** Short notices at the lower left: never for what the page already shows. They stay while the pointer or focus is on them. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { Icon } from './icon.tsx';

export interface ToastFields {
  readonly text: string;
  readonly tone?: 'plain' | 'fail';
  readonly action?: { readonly label: string; run(): void };
  /** Default: 6 s. */
  readonly ms?: number;
}

interface ShownToast extends ToastFields {
  readonly id: number;
}

const shown = signal<readonly ShownToast[]>([]);
const shownMax = 4;
let lastId = 0;

export function toast(fields: ToastFields): void {
  lastId += 1;
  shown.value = [...shown.value, { ...fields, id: lastId }].slice(-shownMax);
}

/** Stands once in the shell. */
export function Toasts() {
  return (
    <section class="toasts" aria-label="Notices" aria-live="polite">
      {shown.value.map((one) => (
        <Toast key={one.id} toast={one} />
      ))}
    </section>
  );
}

function Toast({ toast: { id, text, tone, action, ms = 6_000 } }: { toast: ShownToast }) {
  const [isHeld, setHeld] = useState(false);
  const close = () => {
    shown.value = shown.value.filter((one) => one.id !== id);
  };
  useEffect(() => {
    if (isHeld) return;
    const timer = setTimeout(close, ms);
    return () => clearTimeout(timer);
  }, [isHeld]);
  return (
    <div
      class={tone === 'fail' ? 'toast fail' : 'toast'}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocusIn={() => setHeld(true)}
      onFocusOut={() => setHeld(false)}
    >
      <span>{text}</span>
      {action === undefined ? null : (
        <button
          type="button"
          class="toast-action"
          onClick={() => {
            close();
            action.run();
          }}
        >
          {action.label}
        </button>
      )}
      <button type="button" class="icon-button" aria-label="Dismiss" onClick={close}>
        <Icon name="close" size={14} />
      </button>
    </div>
  );
}
