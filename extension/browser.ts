/**
 * The part of the WebExtensions API that the extension uses, and no more: what stands here is what the permissions of the
 * manifest are for. Chrome calls it `chrome`, Firefox `browser`; both answer with promises.
 */

interface Listeners<Listener> {
  addListener(listener: Listener): void;
}

export interface Tab {
  readonly id?: number;
  readonly url?: string;
}

export interface MenuItem {
  readonly id: string;
  readonly parentId?: string;
  readonly title?: string;
  readonly type?: 'separator';
  readonly contexts: readonly ('selection' | 'page')[];
}

export interface MenuClick {
  readonly menuItemId: string | number;
  readonly frameId?: number;
}

/** Extensions keep small values here; each is JSON. */
export interface KeptValues {
  get(names: readonly string[]): Promise<Record<string, unknown>>;
  set(values: Record<string, unknown>): Promise<void>;
  remove(names: readonly string[]): Promise<void>;
}

export interface Scripting {
  executeScript<Args extends unknown[], Result>(injection: {
    readonly target: { readonly tabId: number; readonly frameIds?: readonly number[] };
    readonly func: (...args: Args) => Result;
    readonly args: Args;
  }): Promise<readonly { readonly result?: Result }[]>;
}

export interface ExtensionApi {
  readonly runtime: {
    readonly id: string;
    sendMessage(message: unknown): Promise<unknown>;
    readonly onMessage: Listeners<
      (message: unknown, sender: { readonly id?: string }, reply: (answer: unknown) => void) => boolean
    >;
    readonly onInstalled: Listeners<() => void>;
    readonly onStartup: Listeners<() => void>;
  };
  readonly storage: {
    readonly local: KeptValues;
    readonly onChanged: Listeners<(changes: Record<string, unknown>) => void>;
  };
  readonly scripting: Scripting;
  readonly tabs: {
    query(filter: { readonly active: true; readonly currentWindow: true }): Promise<readonly Tab[]>;
    create(options: { readonly url: string }): Promise<unknown>;
  };
  readonly contextMenus: {
    create(item: MenuItem, done: () => void): void;
    removeAll(): Promise<void>;
    readonly onClicked: Listeners<(click: MenuClick, tab?: Tab) => void>;
  };
  readonly commands: { readonly onCommand: Listeners<(name: string, tab?: Tab) => void> };
  readonly alarms: {
    create(name: string, options: { readonly periodInMinutes: number }): Promise<void>;
    readonly onAlarm: Listeners<() => void>;
  };
  readonly action: {
    setBadgeText(badge: { readonly text: string }): Promise<void>;
    setBadgeBackgroundColor(badge: { readonly color: string }): Promise<void>;
    setBadgeTextColor?(badge: { readonly color: string }): Promise<void>;
    setTitle(title: { readonly title: string }): Promise<void>;
    /** Missing in Firefox where no gesture has come before. */
    openPopup?(): Promise<void>;
  };
  readonly permissions: { request(wanted: { readonly origins: readonly string[] }): Promise<boolean> };
}

/** Only in an extension's own pages and worker. */
export function extensionApi(): ExtensionApi {
  const { browser, chrome } = globalThis as unknown as { browser?: ExtensionApi; chrome?: ExtensionApi };
  const found = browser ?? chrome;
  if (found === undefined) throw new Error('This is no page of an extension');
  return found;
}
