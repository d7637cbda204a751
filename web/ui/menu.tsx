/** A button with a menu, in the browser's top layer. Arrow keys walk, Escape closes and gives the focus back. */
import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';

export interface MenuItem {
  readonly label: string;
  /** A place to go to; else `run`. */
  readonly href?: string;
  /** A link that opens a page of its own. */
  readonly isOutside?: boolean;
  run?(): void;
  readonly isDestructive?: boolean;
  /** Why it cannot be chosen now. */
  readonly disabled?: string | null;
}

export interface MenuProps {
  /** Name of the button, where `children` is a picture alone. */
  readonly label: string;
  readonly children: ComponentChildren;
  readonly items: readonly MenuItem[];
  readonly buttonClass?: string;
}

export function Menu({ label, children, items, buttonClass = 'button' }: MenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);
  const place = () => {
    const box = button.current?.getBoundingClientRect();
    if (!box || !list.current) return;
    list.current.style.top = `${box.bottom + 4}px`;
    list.current.style.right = `${Math.max(8, document.documentElement.clientWidth - box.right)}px`;
  };
  const focusAt = (step: number, from?: number) => {
    const all = [...(list.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
    const at = from ?? all.indexOf(document.activeElement as HTMLElement) + step;
    all[(at + all.length) % all.length]?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class={buttonClass}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        popovertarget={id}
      >
        {children}
      </button>
      <div
        ref={list}
        id={id}
        popover="auto"
        role="menu"
        class="menu"
        aria-label={label}
        onBeforeToggle={(event) => {
          if (event.newState === 'open') place();
        }}
        onToggle={(event) => {
          setOpen(event.newState === 'open');
          if (event.newState === 'open') focusAt(0, 0);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') focusAt(1);
          else if (event.key === 'ArrowUp') focusAt(-1);
          else if (event.key === 'Home') focusAt(0, 0);
          else if (event.key === 'End') focusAt(0, -1);
          else return;
          event.preventDefault();
        }}
      >
        {items.map((item) => (
          <MenuEntry key={item.label} item={item} close={() => list.current?.hidePopover()} />
        ))}
      </div>
    </>
  );
}

function MenuEntry({ item, close }: { item: MenuItem; close(): void }) {
  const kind = item.isDestructive ? 'menu-item danger' : 'menu-item';
  if (item.href !== undefined) {
    const outside = item.isOutside ? { target: '_blank', rel: 'noopener noreferrer' } : {};
    return (
      <a class={kind} role="menuitem" href={item.href} onClick={close} {...outside}>
        {item.label}
      </a>
    );
  }
  return (
    <button
      type="button"
      class={kind}
      role="menuitem"
      aria-disabled={item.disabled ? true : undefined}
      title={item.disabled ?? undefined}
      onClick={() => {
        if (item.disabled) return;
        close();
        item.run?.();
      }}
    >
      {item.label}
    </button>
  );
}
