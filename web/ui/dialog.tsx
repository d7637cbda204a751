/** Dialogs: the browser's own, which keeps the focus inside and gives it back to what opened it. */
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Icon } from './icon.tsx';

export interface DialogProps {
  readonly title: string;
  onClose(): void;
  readonly children: ComponentChildren;
  /** Buttons, at the lower end. */
  readonly actions?: ComponentChildren;
  readonly wide?: boolean;
}

/** Open as long as it is there. */
export function Dialog({ title, onClose, children, actions, wide = false }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const opener = document.activeElement;
    element.current?.showModal();
    return () => {
      element.current?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={wide ? 'dialog wide' : 'dialog'}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === element.current) onClose();
      }}
    >
      <div class="dialog-box">
        <header class="dialog-head">
          <h2 id={titleId}>{title}</h2>
          <button type="button" class="icon-button" aria-label="Close" title="Esc" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        <div class="dialog-body">{children}</div>
        {actions === undefined ? null : <footer class="dialog-actions">{actions}</footer>}
      </div>
    </dialog>
  );
}

export interface Question {
  readonly title: string;
  /** Names what will be changed. */
  readonly text: ComponentChildren;
  /** As in `Delete`. */
  readonly confirm: string;
  readonly isDestructive?: boolean;
}

const asked = signal<(Question & { answer(isYes: boolean): void }) | null>(null);

/** Resolves to true when the person has agreed. */
export function ask(question: Question): Promise<boolean> {
  asked.value?.answer(false);
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer(isYes) {
        asked.value = null;
        resolve(isYes);
      },
    };
  });
}

/** Shows what `ask` asks. Stands once in the shell. */
export function Questions() {
  const question = asked.value;
  if (question === null) return null;
  return (
    <Dialog
      title={question.title}
      onClose={() => question.answer(false)}
      actions={
        <>
          <button type="button" class="button" onClick={() => question.answer(false)}>
            Cancel
          </button>
          <button
            type="button"
            class={question.isDestructive ? 'button danger' : 'button primary'}
            onClick={() => question.answer(true)}
          >
            {question.confirm}
          </button>
        </>
      }
    >
      <p>{question.text}</p>
    </Dialog>
  );
}
