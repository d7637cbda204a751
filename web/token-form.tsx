/** Asks for the API_TOKEN of an engine that has one. It stays in this tab. */
import { useState } from 'preact/hooks';
import { get } from './wire/api.ts';
import { Problem } from './wire/problem.ts';
import { dropToken, giveToken, tryToken } from './wire/token.ts';

export function TokenForm() {
  const [text, setText] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [isTrying, setTrying] = useState(false);
  const give = async () => {
    const token = text.trim();
    if (!/^[\x21-\x7e]+$/.test(token)) {
      setError('A token has letters, digits and signs, and no blanks');
      return;
    }
    setTrying(true);
    tryToken(token);
    try {
      await get('/api/queue');
      giveToken(token);
    } catch (problem) {
      const isWrong = problem instanceof Problem && problem.status === 401;
      dropToken();
      setError(isWrong ? 'This is not the token of this engine' : 'The engine did not answer: try again');
    } finally {
      setTrying(false);
    }
  };
  return (
    <main class="page token-page">
      <form
        class="token-form"
        onSubmit={(event) => {
          event.preventDefault();
          void give();
        }}
      >
        <h1>This engine asks for its token</h1>
        <p>It is the value of API_TOKEN with which the engine was started. It is kept until this tab is closed.</p>
        <label>
          Token
          <input
            class="field-input"
            type="password"
            autocomplete="current-password"
            name="token"
            value={text}
            required
            aria-invalid={error !== null}
            aria-describedby="token-error"
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <p id="token-error" class="field-error" role="alert">
          {error}
        </p>
        <button type="submit" class="button primary" disabled={isTrying}>
          Continue
        </button>
      </form>
    </main>
  );
}
