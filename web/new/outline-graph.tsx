/** The steps of a definition as they hang together, drawn anew as it is written. Levels stand side by side. */
import { toSafeLine } from '../output/safe-text.ts';
import type { Outline, OutlineStep } from './outline.ts';

const card = { width: 148, height: 34, gapX: 44, gapY: 10 };
const drawnMax = 300;

/** Without `pick` the steps are only shown. */
export function OutlineGraph({ outline, pick }: { outline: Outline; pick?: (step: OutlineStep) => void }) {
  const { steps, levels } = outline;
  if (steps.length === 0) return <p class="muted outline-none">The steps appear here as you write them.</p>;
  if (steps.length > drawnMax) {
    return (
      <p class="muted outline-none">
        {steps.length} steps in {levels.length} levels: too many to draw beside the text. The run's page shows them all.
      </p>
    );
  }
  const tallest = levels.reduce((most, level) => Math.max(most, level.length), 1);
  const height = tallest * (card.height + card.gapY) - card.gapY;
  const places = new Map<string, { x: number; y: number }>();
  levels.forEach((level, column) => {
    const top = (height - (level.length * (card.height + card.gapY) - card.gapY)) / 2;
    level.forEach(({ id }, row) => {
      places.set(id, { x: column * (card.width + card.gapX), y: top + row * (card.height + card.gapY) });
    });
  });
  const width = levels.length * (card.width + card.gapX) - card.gapX;
  return (
    <div class={pick === undefined ? 'outline-graph fit' : 'outline-graph'}>
      <svg
        width={width + 4}
        height={height + 4}
        viewBox={`-2 -2 ${width + 4} ${height + 4}`}
        role="group"
        aria-label={`${steps.length} steps in ${levels.length} levels`}
      >
        {steps.flatMap((step) =>
          step.dependencies.map((id) => (
            <Edge key={`${id} ${step.id}`} from={places.get(id)} to={places.get(step.id)} />
          )),
        )}
        {steps.map((step) => (
          <Card key={`${step.place} ${step.id}`} step={step} at={places.get(step.id)} pick={pick} />
        ))}
      </svg>
    </div>
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function Edge({ from, to }: { from: Point | undefined; to: Point | undefined }) {
  if (from === undefined || to === undefined) return null;
  const [x1, y1, x2, y2] = [from.x + card.width, from.y + card.height / 2, to.x, to.y + card.height / 2];
  const bend = Math.max(18, (x2 - x1) / 2);
  return <path class="outline-edge" d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} />;
}

interface CardProps {
  readonly step: OutlineStep;
  readonly at: Point | undefined;
  readonly pick: ((step: OutlineStep) => void) | undefined;
}

function Card({ step, at, pick }: CardProps) {
  if (at === undefined) return null;
  const shared = { class: `outline-card ${step.kind}`, title: toSafeLine(step.name) };
  const inside = (
    <>
      <b>{toSafeLine(step.name || '(no id)')}</b>
      <small>{toSafeLine(step.action || (step.kind === 'step' ? '' : step.kind))}</small>
    </>
  );
  return (
    <foreignObject x={at.x} y={at.y} width={card.width} height={card.height}>
      {pick === undefined ? (
        <div {...shared}>{inside}</div>
      ) : (
        <button type="button" {...shared} onClick={() => pick(step)}>
          {inside}
        </button>
      )}
    </foreignObject>
  );
}
