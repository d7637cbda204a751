/** Whether the screen is that of a phone: one pane at a time, the graph flows down, a step is a sheet. */
import { useEffect, useState } from 'preact/hooks';

const narrow = matchMedia('(max-width: 719px)');

export function useIsNarrow(): boolean {
  const [is, setIs] = useState(narrow.matches);
  useEffect(() => {
    const onChange = (): void => setIs(narrow.matches);
    narrow.addEventListener('change', onChange);
    return () => narrow.removeEventListener('change', onChange);
  }, []);
  return is;
}
