/** What stands where there is nothing to show, or not yet, or where it could not be read. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Problem } from '../wire/problem.ts';

export interface EmptyProps {
  readonly title: string;
  /** It stands in place of a whole page, and its title is that of the page. */
  readonly isPage?: boolean;
  readonly children?: ComponentChildren;
}

export function Empty({ title, isPage = false, children }: EmptyProps) {
  const Title = isPage ? 'h1' : 'h2';
  return (
    <div class="empty">
      <svg
        width="64"
        height="60"
        viewBox="0 0 64 60"
        fill="none"
        stroke="currentColor"
        stroke-width="2"
        aria-hidden="true"
      >
        <circle cx="11" cy="30" r="7" />
        <circle cx="53" cy="10" r="7" />
        <circle cx="53" cy="50" r="7" stroke-dasharray="3.2 3.6" />
        <path d="M18 30c16 0 12-20 28-20M18 30c16 0 12 20 28 20" stroke-linecap="round" />
      </svg>
      <Title>{title}</Title>
      {children}
    </div>
  );
}

/** A page that could not be read: what the engine said, word for word, and a way out. */
export interface FailedProps extends Pick<EmptyProps, 'isPage'> {
  readonly error: unknown;
  readonly what: string;
  retry?(): void;
}

export function Failed({ error, what, retry, isPage = false }: FailedProps) {
  const isMissing = error instanceof Problem && (error.status === 404 || error.status === 410);
  const detail = error instanceof Error ? error.message : String(error);
  return (
    <Empty isPage={isPage} title={isMissing ? `There is no such ${what}` : `The ${what} could not be read`}>
      <p>{detail}</p>
      <div class="empty-actions">
        {retry === undefined || isMissing ? null : (
          <button type="button" class="button primary" onClick={retry}>
            Try again
          </button>
        )}
        <a class="button" href="/">
          All runs
        </a>
      </div>
    </Empty>
  );
}

/** Lines in the shape of what comes; nothing at all for the first 150 ms. */
export function Skeleton({ lines = 6 }: { lines?: number }) {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 150);
    return () => clearTimeout(timer);
  }, []);
  if (!isShown) return <div class="skeleton" role="status" aria-label="Loading" />;
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, at) => (
        <i key={at} />
      ))}
    </div>
  );
}
