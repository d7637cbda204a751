/** Pairs with an engine: its address, and the code that it shows. */
import { useState } from 'preact/hooks';
import { Problem } from '../web/wire/problem.ts';
import { readAddress, toPattern } from './address.ts';
import type { ExtensionApi } from './browser.ts';
import { type Connection, defaultAddress, EngineCalls } from './engine.ts';

export interface PairFormProps {
  readonly api: Pick<ExtensionApi, 'permissions'>;
  readonly connection: Connection;
  /** The engine has refused the token. */
  readonly isAgain: boolean;
  onPaired(connection: Connection): Promise<void>;
}

export function PairForm({ api, connection, isAgain, onPaired }: PairFormProps) {
  const [address, setAddress] = useState(connection.address);
  const [code, setCode] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [isTrying, setTrying] = useState(false);

  const pair = async () => {
    const origin = readAddress(address);
    if (origin === null) {
      setError(`An address looks like ${defaultAddress}`);
      return;
    }
    setTrying(true);
    setError(null);
    try {
      // The person has just pressed the button, which is the gesture that a browser wants for this.
      const isAllowed = await api.permissions.request({ origins: [toPattern(origin)] }).catch(() => false);
      if (!isAllowed) throw new Problem({ status: 0, detail: `The browser was not allowed to call ${origin}` });
      const { token } = await new EngineCalls({ address: origin, token: null }).pair(code, nameOfBrowser());
      await onPaired({ address: origin, token });
    } catch (problem) {
      setError(adviceFor(problem, origin));
    } finally {
      setTrying(false);
    }
  };
  const unpair = () => void onPaired({ address: connection.address, token: null });

  return (
    <form
      class="pair"
      onSubmit={(event) => {
        event.preventDefault();
        void pair();
      }}
    >
      <h2>
        {isAgain ? 'Pair it again' : connection.token === null ? 'Pair it with your engine' : 'Engine and pairing'}
      </h2>
      <p>
        {isAgain ? 'The engine does not know this browser any more. ' : ''}
        Press <b>Pair an extension</b> on the page Engine of the dashboard, or run <code>npx hybrid-engine pair</code>.
        Type the code that it shows within two minutes.
      </p>
      <label>
        Code
        <input
          class="field-input code"
          name="code"
          value={code}
          required
          autocomplete="off"
          spellcheck={false}
          aria-invalid={error !== null}
          aria-describedby="pair-error"
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      </label>
      <label>
        Address of the engine
        <input
          class="field-input"
          name="address"
          value={address}
          required
          spellcheck={false}
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
      </label>
      <p id="pair-error" class="field-error" role="alert">
        {error}
      </p>
      <div class="actions">
        {connection.token === null ? null : (
          <button type="button" class="button" onClick={unpair}>
            Forget the pairing
          </button>
        )}
        <button type="submit" class="button primary" disabled={isTrying}>
          Pair
        </button>
      </div>
    </form>
  );
}

function adviceFor(problem: unknown, origin: string): string {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.status === 0 && !problem.detail.includes(origin)) {
    return `No engine answers at ${origin}. Start it with npm start, and try again.`;
  }
  return problem.detail;
}

/** What the engine calls it in its list of paired clients. */
function nameOfBrowser(): string {
  const found = /(Firefox|Edg|OPR|Chrome)\//.exec(navigator.userAgent)?.[1] ?? 'Browser';
  const words: Readonly<Record<string, string>> = { Edg: 'Edge', OPR: 'Opera' };
  return `${words[found] ?? found} extension`;
}
