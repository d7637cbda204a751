/** Reads a tab. The right to do so comes with the gesture of the person who asks for it (`activeTab`). */
import { detailOf } from '../web/wire/problem.ts';
import type { Scripting } from './browser.ts';
import { type CaptureKind, lookAtPage, type PageLook, type PageReading, readPage } from './page.ts';

export interface Capture extends PageReading {
  readonly kind: CaptureKind;
  /** ISO time, by the clock of this machine. */
  readonly capturedAt: string;
}

export const kindWords: Readonly<Record<CaptureKind, string>> = {
  selection: 'Selection',
  article: 'Article',
  page: 'Page',
};

const notReadable = 'The browser lets no extension read this page';

export interface TabPlace {
  readonly tabId: number;
  /** The frame that was clicked into; default: the page itself. */
  readonly frameId?: number;
}

/** Rejects with an Error whose message is for the person. */
export async function captureTab(scripting: Scripting, place: TabPlace, kind: CaptureKind): Promise<Capture> {
  const reading = await run(scripting, place, readPage, [kind]);
  if (reading === null) throw new Error('Nothing is selected on this page');
  if (reading === undefined) throw new Error(notReadable);
  const [html, text, title] = [reading.html, reading.text, reading.title].map(toWellFormed) as [string, string, string];
  return { ...reading, html, text, title, kind, capturedAt: new Date().toISOString() };
}

/** Null where the page cannot be read. */
export async function lookAtTab(scripting: Scripting, place: TabPlace): Promise<PageLook | null> {
  try {
    return (await run(scripting, place, lookAtPage, [])) ?? null;
  } catch {
    // The browser's own pages, its store and its viewers: the popup says so.
    return null;
  }
}

async function run<Args extends unknown[], Result>(
  scripting: Scripting,
  { tabId, frameId = 0 }: TabPlace,
  func: (...args: Args) => Result,
  args: Args,
): Promise<Result | undefined> {
  try {
    const [found] = await scripting.executeScript({ target: { tabId, frameIds: [frameId] }, func, args });
    return found?.result;
  } catch (error) {
    throw new Error(`${notReadable} (${detailOf(error)})`, { cause: error });
  }
}

/** Half a pair of surrogates is no text: JSON could carry it, and no file could hold it. */
export function toWellFormed(text: string): string {
  return text.replaceAll(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}
