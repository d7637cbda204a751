/** A page in a chunk of its own, loaded when it is first shown. */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Failed, Skeleton } from './empty.tsx';

/** `place`: classes of what stands there meanwhile. */
export function lazy<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  place = 'page',
): ComponentType<Props> {
  let loaded: ComponentType<Props> | null = null;
  return function Lazy(props: Props) {
    const [Shown, setShown] = useState<{ component: ComponentType<Props> } | null>(
      loaded === null ? null : { component: loaded },
    );
    const [error, setError] = useState<unknown>(null);
    const start = () => {
      setError(null);
      load().then((component) => {
        loaded = component;
        setShown({ component });
      }, setError);
    };
    useEffect(() => {
      if (loaded === null) start();
      // Another one has loaded it between this one's first rendering and its effects.
      else setShown({ component: loaded });
    }, []);
    if (Shown !== null) return <Shown.component {...props} />;
    return (
      <div class={place}>{error === null ? <Skeleton /> : <Failed error={error} what="page" retry={start} />}</div>
    );
  };
}
