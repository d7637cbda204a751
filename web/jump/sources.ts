/** What the page that is shown adds to the jump dialog: the steps of its run. */

export interface JumpItem {
  readonly label: string;
  /** A second text, muted: an id, a status. */
  readonly detail: string;
  readonly group: 'Recent' | 'Runs' | 'Steps' | 'Templates' | 'Actions' | 'Commands';
  run(): void;
}

const sources = new Set<() => readonly JumpItem[]>();

/** `items` is asked when the dialog opens. The answer takes the source away. */
export function addJumpSource(items: () => readonly JumpItem[]): () => void {
  sources.add(items);
  return () => {
    sources.delete(items);
  };
}

export function sourceItems(): JumpItem[] {
  return [...sources].flatMap((items) => items());
}
