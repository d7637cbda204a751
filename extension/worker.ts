/**
 * What the extension does by itself: it looks what waits, sends what is queued, and captures by menu and by key. All state is
 * in the browser's storage, because a browser ends this worker when it has nothing to do.
 */

import { detailOf, Problem } from '../web/wire/problem.ts';
import { toBadge } from './badge.ts';
import type { ExtensionApi, Tab } from './browser.ts';
import { captureTab } from './capture.ts';
import type { Captures } from './captures.ts';
import { EngineCalls, type SendOutcome, toOutcome } from './engine.ts';
import { Kept, type Known, nothingKnown } from './kept.ts';
import { readMenuId, targetsOf, toMenu } from './menu.ts';
import type { CaptureKind } from './page.ts';
import { type Target, toPageTemplate } from './target.ts';

export interface WorkerParts {
  readonly api: ExtensionApi;
  readonly captures: Captures;
  /** Calls `run` when no other holds the lock of this name. */
  readonly lock: <Result>(name: string, run: () => Promise<Result>) => Promise<Result>;
  readonly fetch?: typeof fetch;
}

const kindsOfCommands: Readonly<Record<string, CaptureKind>> = {
  'capture-selection': 'selection',
  'capture-article': 'article',
  'capture-page': 'page',
};

export class Worker {
  readonly #parts: WorkerParts;
  readonly #kept: Kept;
  #menu = '';
  /** Of captures that this worker has sent: one look may send what another is asked about. */
  readonly #outcomes = new Map<string, SendOutcome>();

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#kept = new Kept(parts.api.storage.local);
  }

  /** Looks what waits, and sends what is queued. Resolves with what became of the capture `id`. */
  look(id?: string): Promise<SendOutcome | null> {
    return this.#parts.lock('look', async () => {
      const isUnpaired = await this.#drain();
      await this.#kept.learn(await this.#ask(isUnpaired));
      await this.show();
      return id === undefined ? null : (this.#outcomes.get(id) ?? null);
    });
  }

  /** Draws badge and menu from what is known. */
  async show(): Promise<void> {
    const { action } = this.#parts.api;
    const [{ token }, known, rows] = await Promise.all([
      this.#kept.connection(),
      this.#kept.known(),
      this.#parts.captures.rows(),
    ]);
    const badge = toBadge(token !== null, known, rows.length);
    await action.setBadgeBackgroundColor({ color: badge.colour });
    await action.setBadgeTextColor?.({ color: '#ffffff' });
    await action.setBadgeText({ text: badge.text });
    await action.setTitle({ title: badge.title });
    await this.#showMenu(known);
  }

  async onMenu(id: string, tab: Tab | undefined, frameId: number | undefined): Promise<void> {
    const asked = readMenuId(id, await this.#kept.known());
    if (asked === null) await this.#tell('!', 'This step does not wait any more');
    else await this.#capture(asked.kind, tab, asked.target, frameId);
  }

  /** By key there is nothing to choose from: it goes to the only step that waits, or is kept until a person chooses. */
  async onCommand(name: string, tab: Tab | undefined): Promise<void> {
    const kind = kindsOfCommands[name];
    if (kind === undefined) return;
    const steps = targetsOf(await this.#kept.known()).filter((target) => target.kind === 'step');
    const only = steps.length === 1 ? (steps[0] ?? null) : null;
    await this.#capture(kind, tab ?? (await this.#activeTab()), only);
  }

  async #capture(kind: CaptureKind, tab: Tab | undefined, target: Target | null, frameId?: number): Promise<void> {
    const { api, captures } = this.#parts;
    try {
      if (tab?.id === undefined) throw new Error('There is no page to capture');
      const place = { tabId: tab.id, ...(frameId === undefined ? {} : { frameId }) };
      const { id } = await captures.add(await captureTab(api.scripting, place, kind), target);
      if (target === null) {
        await this.show();
        // Where the browser opens no popup by itself, the badge's title says that something is kept.
        await api.action.openPopup?.().catch(() => {});
        return;
      }
      const outcome = await this.look(id);
      if (outcome?.kind === 'refused') await this.#tell('!', outcome.detail);
      else if (outcome?.kind === 'sent') await this.#tell('✓', `Sent to ${target.name}`);
    } catch (error) {
      await this.#tell('!', detailOf(error));
    }
  }

  /** Sends what is queued. Resolves with true where the engine refused the token. */
  async #drain(): Promise<boolean> {
    const { captures } = this.#parts;
    const connection = await this.#kept.connection();
    if (connection.token === null) return false;
    const calls = new EngineCalls(connection, this.#parts.fetch);
    const sent = await captures.drain((request, key) => calls.send(request, key));
    for (const { row, outcome } of sent) {
      this.#outcomes.set(row.id, outcome);
      if (outcome.kind !== 'sent') continue;
      const at = new Date().toISOString();
      const target = row.target?.name ?? '';
      await this.#kept.remember({ workflowId: outcome.workflowId, title: row.title, target, at });
    }
    return sent.some(({ outcome }) => outcome.kind === 'unpaired');
  }

  /** What the engine says now; what it said last where it is away. */
  async #ask(isUnpaired: boolean): Promise<Known> {
    const connection = await this.#kept.connection();
    const before = await this.#kept.known();
    if (connection.token === null) return nothingKnown;
    const calls = new EngineCalls(connection, this.#parts.fetch);
    try {
      const [steps, listed] = await Promise.all([calls.waiting(), calls.templates()]);
      const templates = listed.flatMap((template) => toPageTemplate(template) ?? []);
      return { isHere: true, isUnpaired, steps, templates };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const isRefused = isUnpaired || toOutcome(error).kind === 'unpaired';
      return isRefused ? { ...nothingKnown, isHere: true, isUnpaired: true } : { ...before, isHere: false };
    }
  }

  async #showMenu(known: Known): Promise<void> {
    const { contextMenus } = this.#parts.api;
    const items = toMenu(known);
    const text = JSON.stringify(items);
    if (text === this.#menu) return;
    await this.#parts.lock('menu', async () => {
      await contextMenus.removeAll();
      for (const item of items) await new Promise<void>((resolve) => contextMenus.create(item, resolve));
    });
    this.#menu = text;
  }

  async #tell(text: string, title: string): Promise<void> {
    const { action } = this.#parts.api;
    await action.setBadgeText({ text });
    await action.setTitle({ title });
  }

  async #activeTab(): Promise<Tab | undefined> {
    const [tab] = await this.#parts.api.tabs.query({ active: true, currentWindow: true });
    return tab;
  }
}
