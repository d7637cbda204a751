/** What a dry run has found: the order of the steps, the calls that were left out, and what they would cost. */
import type { DryRunReply } from '../../src/contract/dry-run.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { lookOfStatus } from '../ui/look.ts';
import { costText, counted, countText } from '../ui/money.ts';
import { Pill } from '../ui/pill.tsx';

export function DryRun({ reply }: { reply: DryRunReply }) {
  const { status, waves, steps, models, notes, max_parallel_nodes } = reply;
  const failed = steps.filter(({ error }) => error !== null);
  return (
    <section class="card dry-run" aria-label="Dry run">
      <h2>
        Dry run <Pill look={lookOfStatus(status)} />
      </h2>
      <dl class="facts-row">
        <Fact label="Steps" value={`${countText(steps.length)} in ${counted(waves.length, 'wave')}`} />
        <Fact label="At once" value={`up to ${countText(max_parallel_nodes)}`} />
        <Fact label="Calls of models" value={countText(models.calls)} />
        <Fact
          label="Price, about"
          value={costText({
            cost: models.cost ?? 0,
            isFloor: models.cost_is_floor || models.cost === null,
            hasCalls: models.calls > 0,
          })}
        />
      </dl>
      {failed.length === 0 ? null : (
        <ul class="notice warn">
          {failed.map(({ id, error }) => (
            <li key={id}>
              <span>
                <b>{id}</b>: {toSafeLine(error ?? '')}
              </span>
            </li>
          ))}
        </ul>
      )}
      <ol class="waves">
        {waves.map((wave, at) => (
          <li key={wave.join(' ')}>
            <span class="muted">{at + 1}</span>
            <span class="wave">
              {wave.slice(0, 40).map((id) => (
                <span key={id} class="tag" title={id}>
                  {id}
                </span>
              ))}
              {wave.length > 40 ? <span class="muted">and {countText(wave.length - 40)} more</span> : null}
            </span>
          </li>
        ))}
      </ol>
      {notes.length === 0 ? null : (
        <ul class="notes muted">
          {notes.map((note) => (
            <li key={note}>{toSafeLine(note)}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Fact({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}
