/** The worker's wiring. Listeners are there before anything is awaited: the browser wakes the worker for them. */
import { extensionApi } from './browser.ts';
import { IndexedCaptureStore } from './capture-store.ts';
import { Captures } from './captures.ts';
import { type PopupAnswer, readMessage } from './messages.ts';
import { Worker } from './worker.ts';

const api = extensionApi();
const worker = new Worker({
  api,
  captures: new Captures(new IndexedCaptureStore()),
  lock: (name, run) => navigator.locks.request(name, run),
});

const begin = () => {
  void api.alarms.create('look', { periodInMinutes: 1 });
  void worker.look();
};
api.runtime.onInstalled.addListener(begin);
api.runtime.onStartup.addListener(begin);
api.alarms.onAlarm.addListener(() => void worker.look());
api.contextMenus.onClicked.addListener(({ menuItemId, frameId }, tab) => {
  void worker.onMenu(String(menuItemId), tab, frameId);
});
api.commands.onCommand.addListener((name, tab) => void worker.onCommand(name, tab));

api.runtime.onMessage.addListener((message, sender, reply) => {
  const asked = sender.id === api.runtime.id ? readMessage(message) : null;
  if (asked === null) return false;
  const answer = async (): Promise<PopupAnswer> => ({
    outcome: await worker.look(asked.kind === 'send' ? asked.id : undefined),
  });
  // What fails here is told by the next look; the popup must not wait for it.
  answer().then(reply, () => reply({ outcome: null } satisfies PopupAnswer));
  return true;
});
