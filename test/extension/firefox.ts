/**
 * Firefox, headless, with the built extension loaded as a person loads it (a temporary add-on), steered by Marionette: JSON
 * over TCP, `length:[0, id, command, params]` there and `length:[1, id, error, value]` back.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export const firefoxPath = ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find((path) => existsSync(path));

const addonId = 'extension@hybrid-engine.example';
const looksMax = 200;
const lookEveryMs = 200;

/** What a person's press on the button does: it gives the right to read the tab in front. Runs in Firefox itself. */
const pressButton = `const { extension, mozExtensionHostname } = WebExtensionPolicy.getByID('${addonId}');
const tab = Services.wm.getMostRecentWindow('navigator:browser').gBrowser.selectedTab;
extension.tabManager.addActiveTabPermission(tab);
return \`moz-extension://\${mozExtensionHostname}/popup.html?tab=\${extension.tabManager.getWrapper(tab).id}\`;`;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class Firefox {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #received = Buffer.alloc(0);
  #lastId = 0;

  private constructor(child: ChildProcess, profile: string, socket: Socket) {
    this.#child = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.on('data', (bytes) => this.#take(bytes));
  }

  /** `built`: a directory with `extension/firefox`. */
  static async start(built: string): Promise<Firefox> {
    const profile = mkdtempSync(join(tmpdir(), 'hybrid-firefox-'));
    writeFileSync(join(profile, 'user.js'), 'user_pref("marionette.port", 0);\n');
    const args = ['--headless', '--marionette', '--remote-allow-system-access', '--no-remote', '--profile', profile];
    const env = { ...process.env, HOME: profile };
    const child = spawn(firefoxPath!, args, { stdio: 'ignore', env });
    const firefox = new Firefox(child, profile, await reach(profile));
    await firefox.#send('WebDriver:NewSession');
    await firefox.#send('Addon:Install', { path: join(built, 'extension/firefox'), temporary: true });
    return firefox;
  }

  /** Opens a page, presses the extension's button on it, and opens its popup in a tab of its own. */
  async visit(url: string): Promise<void> {
    await this.#send('WebDriver:Navigate', { url });
    await this.#send('Marionette:SetContext', { value: 'chrome' });
    const popup = await this.#run<string>(pressButton);
    await this.#send('Marionette:SetContext', { value: 'content' });
    const { handle } = (await this.#send('WebDriver:NewWindow', { type: 'tab' })) as { handle: string };
    await this.#send('WebDriver:SwitchToWindow', { handle });
    await this.#send('WebDriver:Navigate', { url: popup });
  }

  /** The text of the page once it holds this. */
  async shows(part: string): Promise<string> {
    let text = '';
    for (let looks = 0; looks < looksMax; looks += 1) {
      text = await this.#run<string>('return document.body.innerText');
      if (text.includes(part)) return text;
      await delay(lookEveryMs);
    }
    throw new Error(`"${part}" is not shown, but: ${text}`);
  }

  async fill(css: string, text: string): Promise<void> {
    const id = await this.#find('css selector', css);
    await this.#send('WebDriver:ElementClear', { id });
    await this.#send('WebDriver:ElementSendKeys', { id, text });
  }

  async press(label: string): Promise<void> {
    const id = await this.#find('xpath', `//button[contains(., '${label}')]`);
    await this.#send('WebDriver:ElementClick', { id });
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    const ended = once(this.#child, 'exit');
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  async #find(using: string, value: string): Promise<string> {
    const found = (await this.#send('WebDriver:FindElement', { using, value })) as { value: Record<string, string> };
    return Object.values(found.value)[0]!;
  }

  async #run<Value>(script: string): Promise<Value> {
    const answer = (await this.#send('WebDriver:ExecuteScript', { script, args: [] })) as { value: Value };
    return answer.value;
  }

  #send(command: string, params: object = {}): Promise<unknown> {
    this.#lastId += 1;
    const text = JSON.stringify([0, this.#lastId, command, params]);
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    return new Promise((resolve, reject) => this.#waiting.set(this.#lastId, { resolve, reject }));
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      const colon = this.#received.indexOf(':');
      const end = colon + 1 + Number(this.#received.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || this.#received.length < end) return;
      const message: unknown = JSON.parse(this.#received.subarray(colon + 1, end).toString());
      this.#received = this.#received.subarray(end);
      // The first is a greeting.
      if (!Array.isArray(message)) continue;
      const [, id, error, value] = message as [number, number, object | null, unknown];
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === null) waiting?.resolve(value);
      else waiting?.reject(new Error(JSON.stringify(error)));
    }
  }
}

/** Firefox chooses the port itself and writes it into its profile. */
async function reach(profile: string): Promise<Socket> {
  const file = join(profile, 'MarionetteActivePort');
  for (let looks = 0; looks < looksMax; looks += 1) {
    const port = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
    if (port > 0) {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    }
    await delay(lookEveryMs);
  }
  throw new Error('Firefox does not listen');
}
