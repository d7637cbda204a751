/** A number with its last five minutes. Kept while the page is loaded, also while another screen is shown. */

const pointsMax = 150;
const width = 120;
const height = 28;

/** The newest last. */
export type Series = number[];

export function addPoint(series: Series, value: number): void {
  series.push(value);
  if (series.length > pointsMax) series.shift();
}

export interface SparkProps {
  readonly label: string;
  readonly value: string;
  readonly detail?: string;
  readonly series: Series;
}

export function Spark({ label, value, detail, series }: SparkProps) {
  const max = series.reduce((most, one) => Math.max(most, one), 1);
  const step = width / (pointsMax - 1);
  const first = width - (series.length - 1) * step;
  const points = series.map(
    (one, at) => `${(first + at * step).toFixed(1)},${(height - 2 - (one / max) * (height - 4)).toFixed(1)}`,
  );
  return (
    <div class="spark">
      <dt>{label}</dt>
      <dd>
        <b>{value}</b>
        {detail === undefined ? null : <span class="muted"> {detail}</span>}
      </dd>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
        {points.length < 2 ? null : (
          <polyline points={points.join(' ')} fill="none" stroke="currentColor" stroke-width="1.5" />
        )}
      </svg>
    </div>
  );
}
