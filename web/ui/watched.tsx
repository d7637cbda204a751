import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { openEvents } from '../wire/sse.ts';

/** Keeps a stream open, so that the indicator says how the page stands with the engine. */
export function Watched({ children }: { children: ComponentChildren }) {
  useEffect(() => {
    const stream = openEvents('/api/events', {
      onEvent() {},
      onOpen() {},
      onGap: () => stream.caughtUp(),
    });
    return () => stream.close();
  }, []);
  return <>{children}</>;
}
