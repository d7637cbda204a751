/**
 * The two tables of what can go wrong: how an attempt fails (data: journaled, retried, or the step fails) and how a
 * call is refused (a code with an HTTP status). A broken rule of the engine's own is neither: it stops the process.
 */

/**
 * `transient`: repeating can cure it, three attempts unless the step says otherwise. `permanent`: one attempt unless the
 * step says otherwise. `final`: never repeated, the same input can only fail again.
 */
export type FailureClass = 'transient' | 'permanent' | 'final';

export const failureTable = {
  TIMEOUT: 'transient',
  NETWORK: 'transient',
  HTTP_RETRYABLE: 'transient',
  RATE_LIMITED: 'transient',
  WORKER_LOST: 'transient',
  WORKER_OUT_OF_MEMORY: 'transient',
  HTTP_STATUS: 'permanent',
  TASK_ERROR: 'permanent',
  OUTPUT_INVALID: 'permanent',
  ANSWER_INVALID: 'permanent',
  ANSWER_CUT: 'permanent',
  ANSWER_REFUSED: 'permanent',
  OUTPUT_TOO_LARGE: 'permanent',
  TARGET_REFUSED: 'final',
  PROVIDER_REJECTED: 'final',
  QUOTA_USED_UP: 'final',
  BINDING: 'final',
  BAD_PARAMS: 'final',
  MISSING_SECRET: 'final',
  OFFLINE: 'final',
  UNKNOWN_ACTION: 'final',
  CANCELLED: 'final',
  CRASH_LOOP: 'final',
  ITEMS_FAILED: 'final',
  NOT_DONE: 'final',
  EXPIRED: 'final',
  CHILD_FAILED: 'final',
} as const satisfies Record<string, FailureClass>;

export type FailureCode = keyof typeof failureTable;
export const failureCodes = Object.keys(failureTable) as [FailureCode, ...FailureCode[]];

export const refusalTable = {
  BAD_JSON: { status: 400, title: 'Not JSON' },
  BAD_REQUEST: { status: 400, title: 'Bad request' },
  UNAUTHORIZED: { status: 401, title: 'Unauthorized' },
  FORBIDDEN: { status: 403, title: 'Forbidden' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  REQUEST_TIMEOUT: { status: 408, title: 'Request timeout' },
  CONFLICT: { status: 409, title: 'Conflict' },
  SET_ASIDE: { status: 410, title: 'Set aside' },
  TOO_LARGE: { status: 413, title: 'Too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'Unsupported media type' },
  MISDIRECTED: { status: 421, title: 'Misdirected request' },
  INVALID: { status: 422, title: 'Invalid' },
  TOO_MANY: { status: 429, title: 'Too many requests' },
  HEADERS_TOO_LARGE: { status: 431, title: 'Headers too large' },
  BUSY: { status: 503, title: 'Busy' },
  DISK_FULL: { status: 507, title: 'Disk full' },
} as const;

export type RefusalCode = keyof typeof refusalTable;

/** One bad field: `path` as in `steps[3].dependencies[0]`, `""` for the whole. */
export interface FieldError {
  path: string;
  message: string;
}

/** A refusal as plain data, the form in which it crosses a thread. */
export interface RefusalData {
  code: RefusalCode;
  detail: string;
  errors?: FieldError[];
  retryAfterSeconds?: number;
}

/** A call the engine will not carry out; `detail` names the thing and the way out. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly status: number;
  readonly detail: string;
  readonly errors: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(data: RefusalData) {
    super(data.detail);
    this.name = 'Refusal';
    this.code = data.code;
    this.status = refusalTable[data.code].status;
    this.detail = data.detail;
    this.errors = data.errors;
    this.retryAfterSeconds = data.retryAfterSeconds;
  }

  toData(): RefusalData {
    return {
      code: this.code,
      detail: this.detail,
      ...(this.errors ? { errors: this.errors } : {}),
      ...(this.retryAfterSeconds !== undefined ? { retryAfterSeconds: this.retryAfterSeconds } : {}),
    };
  }
}

/** `what` is not valid: tells the first error, and how many more there are. */
export function invalid(what: string, errors: FieldError[]): Refusal {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more; see errors)` : '';
  const place = first?.path ? `${first.path}: ` : '';
  return new Refusal({ code: 'INVALID', detail: `${what}: ${place}${first?.message}${more}`, errors });
}

export function workflowNotFound(id: string): Refusal {
  return new Refusal({ code: 'NOT_FOUND', detail: `Workflow with ID ${id} not found` });
}
