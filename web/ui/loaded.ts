/** What a page reads once, and again when it is asked to. */
import { useEffect, useState } from 'preact/hooks';

export interface Loaded<Data> {
  /** null until it has come. */
  readonly data: Data | null;
  /** null where the last reading was good. */
  readonly error: unknown;
  reload(): void;
}

/** `key`: what the reading depends on; another key reads anew. */
export function useLoaded<Data>(key: string, read: (signal: AbortSignal) => Promise<Data>): Loaded<Data> {
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState<{ key: string; data: Data | null; error: unknown }>({
    key,
    data: null,
    error: null,
  });
  useEffect(() => {
    const reading = new AbortController();
    read(reading.signal).then(
      (data) => setState({ key, data, error: null }),
      (error: unknown) => {
        if (!reading.signal.aborted)
          setState((before) => ({ key, data: before.key === key ? before.data : null, error }));
      },
    );
    return () => reading.abort();
  }, [key, turn]);
  const isCurrent = state.key === key;
  return {
    data: isCurrent ? state.data : null,
    error: isCurrent ? state.error : null,
    reload: () => setTurn((before) => before + 1),
  };
}
