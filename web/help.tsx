/** The keys that are bound on this page. */
import { boundKeys, type KeyBinding } from './keys.ts';
import { Dialog } from './ui/dialog.tsx';

const isMac = /mac|iphone|ipad/i.test(navigator.userAgent);
const names: Readonly<Record<string, string>> = {
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  Escape: 'Esc',
  ' ': 'Space',
  Ctrl: isMac ? '⌘' : 'Ctrl',
};

export function KeyHelp({ onClose }: { onClose(): void }) {
  const groups = new Map<string, KeyBinding[]>();
  for (const binding of boundKeys()) groups.set(binding.group, [...(groups.get(binding.group) ?? []), binding]);
  return (
    <Dialog title="Keys" onClose={onClose} wide>
      <div class="key-groups">
        {[...groups].reverse().map(([group, bindings]) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {bindings.map(({ key, label }) => (
                <div key={key}>
                  <dt>
                    <Keys text={key} />
                  </dt>
                  <dd>{label}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

function Keys({ text }: { text: string }) {
  return (
    <>
      {text.split(', ').map((press, at) => (
        <span key={press}>
          {at > 0 ? ' then ' : ''}
          {press
            .split(/ (?=.)/)
            .filter((part) => part !== '')
            .map((part) => (
              <kbd key={part}>{names[part] ?? part}</kbd>
            ))}
        </span>
      ))}
    </>
  );
}
