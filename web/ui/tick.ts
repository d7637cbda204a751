/** The present, once a second, for all that count while something runs. It stands still while the connection is gone. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { isLost } from '../wire/connection.ts';
import { serverNow } from './time.ts';

const now = signal(serverNow());
let watchers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

function watch(): () => void {
  watchers += 1;
  timer ??= setInterval(() => {
    if (!isLost.value && !document.hidden) now.value = serverNow();
  }, 1_000);
  return () => {
    watchers -= 1;
    if (watchers > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The engine's time in milliseconds, renewed each second while `isGoing`. */
export function useNow(isGoing: boolean): number {
  const [shown, setShown] = useState(serverNow);
  useEffect(() => {
    if (!isGoing) return;
    const stop = watch();
    const unsubscribe = now.subscribe(() => setShown(serverNow()));
    return () => {
      unsubscribe();
      stop();
    };
  }, [isGoing]);
  return shown;
}
