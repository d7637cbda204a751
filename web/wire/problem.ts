/** A refusal of the engine (RFC 9457), or no answer at all. */

export interface FieldProblem {
  /** As in `params.url` or `steps[0].action`. */
  readonly path: string;
  readonly message: string;
}

/** `status` 0: the engine could not be reached. `detail` is a sentence that a person can act on. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly FieldProblem[];
  /** What `Retry-After` asked for; null where it was not there. */
  readonly retryAfterMs: number | null;

  constructor(fields: {
    status: number;
    code?: string;
    detail: string;
    errors?: readonly FieldProblem[];
    retryAfterMs?: number | null;
  }) {
    super(fields.detail);
    this.name = 'Problem';
    this.status = fields.status;
    this.code = fields.code ?? '';
    this.detail = fields.detail;
    this.errors = fields.errors ?? [];
    this.retryAfterMs = fields.retryAfterMs ?? null;
  }
}

export const unreachable = 'The engine cannot be reached';

export async function toProblem(response: Response): Promise<Problem> {
  const body = await readObject(response);
  const seconds = Number(response.headers.get('retry-after'));
  return new Problem({
    status: response.status,
    code: typeof body.code === 'string' ? body.code : '',
    detail: typeof body.detail === 'string' ? body.detail : `The engine answered with status ${response.status}`,
    errors: Array.isArray(body.errors) ? body.errors.filter(isFieldProblem) : [],
    retryAfterMs: response.headers.has('retry-after') && seconds >= 0 ? seconds * 1_000 : null,
  });
}

/** What to show of anything that was thrown. */
export function detailOf(error: unknown): string {
  if (error instanceof Problem) return error.detail;
  return error instanceof Error ? error.message : String(error);
}

async function readObject(response: Response): Promise<Record<string, unknown>> {
  try {
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    // A proxy in between may answer with a page of its own: the status says enough then.
    return {};
  }
}

function isFieldProblem(value: unknown): value is FieldProblem {
  const field = value as Partial<FieldProblem> | null;
  return typeof field?.path === 'string' && typeof field.message === 'string';
}
