/**
 * The picture of a run in a terminal: a bar, and a line per step with its state and time.
 *
 * Each frame goes out in one write that overwrites the last one line by line and clears only what is left over, so
 * nothing flickers. Where the steps do not fit, the running and failed ones stay in sight and the rest is counted.
 */
import { styleText } from 'node:util';
import type { EngineEvent, TokenEvent } from '../contract/event.ts';
import type { JobStatus, Workflow } from '../contract/workflow.ts';
import { toElapsed } from './elapsed.ts';
import { cut, cutBegin, padEnd, printable, widthOf } from './printable.ts';
import { type Progress, toEndLine } from './progress.ts';
import type { StepBoard, StepLine } from './step-board.ts';

const frameMs = 100;
const barWidth = 24;
const marks: Record<JobStatus, { mark: string; style: Parameters<typeof styleText>[0] }> = {
  PENDING: { mark: '·', style: 'dim' },
  WAITING_FOR_DEPENDENCY: { mark: '·', style: 'dim' },
  RUNNING: { mark: '▶', style: 'cyan' },
  COMPLETED: { mark: '✓', style: 'green' },
  FAILED: { mark: '✗', style: 'red' },
  STOPPED: { mark: '■', style: 'yellow' },
};
/** Which steps stay in sight when there is no room for all. */
const urgency: readonly JobStatus[] = [
  'RUNNING',
  'FAILED',
  'STOPPED',
  'COMPLETED',
  'PENDING',
  'WAITING_FOR_DEPENDENCY',
];

export class LiveProgress implements Progress {
  readonly #board: StepBoard;
  readonly #out: NodeJS.WriteStream;
  readonly #timer: NodeJS.Timeout;
  #drawn = 0;

  constructor(board: StepBoard, out: NodeJS.WriteStream) {
    this.#board = board;
    this.#out = out;
    out.write('\x1b[?25l');
    // Should the process end before the run does, the cursor must come back all the same.
    process.once('exit', this.#showCursor);
    this.#timer = setInterval(() => this.#draw(), frameMs);
    this.#timer.unref();
    this.#draw();
  }

  readonly #showCursor = () => {
    this.#out.write('\x1b[?25h');
  };

  show(workflow: Workflow): void {
    this.#board.show(workflow);
  }

  apply(event: EngineEvent): void {
    this.#board.apply(event);
  }

  tell(piece: TokenEvent): void {
    this.#board.tell(piece);
  }

  note(line: string): void {
    this.#draw([printable(line)]);
  }

  end(workflow: Workflow): void {
    clearInterval(this.#timer);
    this.#board.show(workflow);
    this.#draw([], [toEndLine(workflow, this.#board)]);
    process.off('exit', this.#showCursor);
    this.#showCursor();
  }

  /** `above` stays in the scroll-back over the picture. */
  #draw(above: readonly string[] = [], below: readonly string[] = []): void {
    const frame = [...toFrame(this.#board, this.#out, Date.now(), below.length > 0), ...below];
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    const lines = [...above, ...frame].map((line) => `${line}\x1b[K\n`).join('');
    this.#out.write(`\r${up}${lines}\x1b[J`);
    this.#drawn = frame.length;
  }
}

function toFrame(board: StepBoard, out: NodeJS.WriteStream, nowMs: number, ended: boolean): string[] {
  // The last column stays empty: some terminals wrap a line that fills it.
  const width = Math.max(20, (out.columns ?? 80) - 1);
  const room = Math.max(3, (out.rows ?? 24) - 4);
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    out.hasColors?.() ? styleText(style, text) : text;

  const total = board.steps.size;
  const filled = total === 0 ? 0 : Math.floor((barWidth * board.completed) / total);
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  const elapsed = toElapsed((ended ? (board.endedAtMs ?? nowMs) : nowMs) - board.startedAtMs);
  const tail = ` ${bar} ${board.completed}/${total}  ${elapsed}`;
  const head = `${cut(printable(board.name), Math.max(8, width - tail.length))}${tail}`;

  const all = [...board.steps.values()];
  const shown = all.length <= room ? all : pickUrgent(all, room - 1);
  const idWidth = Math.min(
    40,
    shown.reduce((width, step) => Math.max(width, widthOf(step.id)), 1),
  );
  const lines = shown.map((step) => {
    const { mark, style } = marks[step.status];
    const text = toStepLine(step, idWidth, width - 4, nowMs);
    return `  ${paint(style, mark)} ${step.status === 'COMPLETED' || step.status === 'RUNNING' ? text : paint(style, text)}`;
  });
  const left = all.length - shown.length;
  return [cut(head, width), ...lines, ...(left > 0 ? [paint('dim', `  … and ${left} more`)] : [])];
}

function toStepLine(step: StepLine, idWidth: number, width: number, nowMs: number): string {
  const line = cut(`${padEnd(cut(step.id, idWidth), idWidth)}  ${toStepText(step, nowMs)}`, width);
  if (step.status !== 'RUNNING' || step.textEnd === '') return line;
  return `${line}  ${cutBegin(printable(step.textEnd.replace(/\s+/g, ' ')), width - widthOf(line) - 2)}`;
}

function toStepText(step: StepLine, nowMs: number): string {
  const attempt = step.attempt > 1 ? ` attempt ${step.attempt}` : '';
  const running = step.status === 'RUNNING' && step.startedAtMs !== null ? nowMs - step.startedAtMs : null;
  const ms = running ?? step.durationMs;
  const time = ms === null ? '' : `  ${toElapsed(ms)}`;
  const error = step.error === null ? '' : `  ${printable(step.error)}`;
  return `${printable(step.action)}${attempt}${time}${error}`;
}

/** The most urgent `room` steps, in the order they stand in. */
function pickUrgent(all: readonly StepLine[], room: number): StepLine[] {
  const ranked = all.map((step, place) => ({ step, place, rank: urgency.indexOf(step.status) }));
  // Of the completed ones the latest are news.
  ranked.sort((a, b) => a.rank - b.rank || (a.step.status === 'COMPLETED' ? b.place - a.place : a.place - b.place));
  return ranked
    .slice(0, room)
    .sort((a, b) => a.place - b.place)
    .map(({ step }) => step);
}
