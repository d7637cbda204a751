/**
 * How fast calls of one model may follow each other, over all workflows: how many are under way, how many requests
 * and tokens are sent in a minute, and one pause for all when the provider refuses a call. It counts before it sends,
 * so that the provider's limit is not reached.
 *
 * Rules, numbered for tests:
 *   GV1  at most `concurrency` calls of a model are under way;
 *   GV2  in no minute are more requests and tokens sent than the limits allow; a call that is larger than all tokens
 *        of a minute has a minute to itself. Calls are spread evenly over the minute, apart from a short burst;
 *   GV3  tokens count as estimated until the answer gives their number;
 *   GV4  a pause holds back every call of its model. Afterwards one call is sent, and for each that the provider
 *        accepts one more may be under way, so that waiting calls are not sent all at once.
 *
 * Times are monotonic milliseconds. A model without limits waits only during pauses.
 */
import { broken } from '../contract/broken.ts';
import type { LimitsByModel, ModelLimits } from '../contract/model-limits.ts';

/** Why a call has to wait, and until when. `until` is null when it waits for the end of another call. */
export interface ModelHold {
  readonly reason:
    | 'the end of another call'
    | 'requests a minute'
    | 'tokens a minute'
    | 'the end of a pause'
    | 'the first answers after a pause';
  readonly until: number | null;
}

/** A call that was sent; the caller hands it back to `end`. */
export interface GovernedCall {
  readonly model: string;
  readonly at: number;
  /** The estimate; after the end of the call, the real number. */
  tokens: number;
}

const minuteMs = 60_000;
/** Calls take different times to arrive: two that are sent a minute apart may arrive less than a minute apart. */
const windowMs = minuteMs + 1_000;
/** After a quiet time, this share of a minute's allowance may be sent at once. */
const burstShare = 1 / 30;

/** With more models than this, the quiet ones are forgotten. */
const modelsMax = 1_000;

interface Pace {
  readonly limits: ModelLimits;
  running: number;
  /** The allowance left. It grows with time up to the burst, and is below zero after a call that was larger. */
  requests: number;
  tokens: number;
  /** When the allowances were last brought up to date. */
  at: number;
  /** The calls of the last minute, oldest first, and the sum of their tokens. */
  sent: GovernedCall[];
  sentTokens: number;
  pausedUntil: number;
  /** Since the last pause: calls under way, and the most there may be. */
  runningSince: number;
  runningSinceMax: number;
}

export class Governor {
  readonly #limits: LimitsByModel;
  readonly #paces = new Map<string, Pace>();

  constructor(limits: LimitsByModel) {
    this.#limits = limits;
  }

  /** How many models it keeps count of. */
  get models(): number {
    return this.#paces.size;
  }

  /**
   * null when a call of this model (`<provider>/<model>`) and size may be sent now; the caller then calls `begin`.
   */
  check(model: string, tokens: number, now: number): ModelHold | null {
    const pace = this.#pace(model, now);
    const { concurrency, requestsPerMinute, tokensPerMinute } = pace.limits;
    if (pace.pausedUntil > now) return { reason: 'the end of a pause', until: pace.pausedUntil };
    if (pace.runningSince >= pace.runningSinceMax) return { reason: 'the first answers after a pause', until: null };
    if (concurrency !== undefined && pace.running >= concurrency) {
      return { reason: 'the end of another call', until: null };
    }
    if (requestsPerMinute !== undefined) {
      const paced = now + timeFor(1 - pace.requests, requestsPerMinute);
      const until = Math.max(
        paced,
        whenFits(pace, ({ requests }) => requests < requestsPerMinute, now),
      );
      if (until > now) return { reason: 'requests a minute', until };
    }
    if (tokensPerMinute !== undefined) {
      // A call that is larger than a burst waits for a whole burst and leaves a debt, for which later calls wait.
      const paced = now + timeFor(Math.min(tokens, burstOf(tokensPerMinute)) - pace.tokens, tokensPerMinute);
      const fits = (sent: Sent) => sent.tokens + tokens <= tokensPerMinute;
      const until = Math.max(paced, whenFits(pace, fits, now));
      if (until > now) return { reason: 'tokens a minute', until };
    }
    return null;
  }

  begin(model: string, tokens: number, now: number): GovernedCall {
    const pace = this.#pace(model, now);
    const call = { model, tokens, at: now };
    pace.running += 1;
    pace.runningSince += 1;
    pace.requests -= 1;
    pace.tokens -= tokens;
    if (pace.limits.requestsPerMinute !== undefined || pace.limits.tokensPerMinute !== undefined) {
      pace.sent.push(call);
      pace.sentTokens += tokens;
    }
    return call;
  }

  /**
   * The call is over. `used` is null when no answer gave the tokens; `pauseMs` when the provider asked for no pause.
   */
  end(call: GovernedCall, used: number | null, pauseMs: number | null, now: number): void {
    const pace = this.#pace(call.model, now);
    const isSincePause = call.at >= pace.pausedUntil;
    pace.running -= 1;
    if (pace.running < 0) broken('GV1', `a call of ${call.model} has ended twice`);
    if (isSincePause) pace.runningSince -= 1;
    if (used !== null) {
      const less = call.tokens - used;
      pace.tokens = Math.min(burstOf(pace.limits.tokensPerMinute), pace.tokens + less);
      if (call.at + windowMs > now) pace.sentTokens -= less;
      call.tokens = used;
    }
    if (pauseMs !== null) this.#pause(pace, now + pauseMs);
    else if (isSincePause) pace.runningSinceMax += 1;
  }

  /** A pause that ends before the present one changes nothing. */
  #pause(pace: Pace, until: number): void {
    if (until <= pace.pausedUntil) return;
    pace.pausedUntil = until;
    pace.runningSince = 0;
    pace.runningSinceMax = 1;
  }

  #pace(model: string, now: number): Pace {
    const known = this.#paces.get(model);
    const pace = known ?? newPace(this.#limitsOf(model), now);
    if (!known) {
      if (this.#paces.size >= modelsMax) this.#forgetIdle(now);
      this.#paces.set(model, pace);
    }
    const { requestsPerMinute = 0, tokensPerMinute = 0 } = pace.limits;
    const minutes = (now - pace.at) / minuteMs;
    pace.requests = Math.min(burstOf(requestsPerMinute), pace.requests + minutes * requestsPerMinute);
    pace.tokens = Math.min(burstOf(tokensPerMinute), pace.tokens + minutes * tokensPerMinute);
    pace.at = now;
    const stays = pace.sent.findIndex(({ at }) => at + windowMs > now);
    for (const { tokens } of pace.sent.splice(0, stays === -1 ? pace.sent.length : stays)) pace.sentTokens -= tokens;
    return pace;
  }

  /** Model names come from params, so their number has no bound. A model that was quiet long enough starts afresh. */
  #forgetIdle(now: number): void {
    for (const [model, { running, at, pausedUntil, runningSinceMax }] of this.#paces) {
      // A model that still admits calls one by one after a pause is remembered for longer.
      const quietMs = runningSinceMax === Number.POSITIVE_INFINITY ? windowMs : 10 * minuteMs;
      if (running === 0 && Math.max(at, pausedUntil) + quietMs <= now) this.#paces.delete(model);
    }
  }

  #limitsOf(model: string): ModelLimits {
    const provider = model.slice(0, model.indexOf('/'));
    return this.#limits[model] ?? this.#limits[`${provider}/*`] ?? this.#limits['*'] ?? {};
  }
}

function newPace(limits: ModelLimits, now: number): Pace {
  return {
    limits,
    running: 0,
    requests: burstOf(limits.requestsPerMinute),
    tokens: burstOf(limits.tokensPerMinute),
    at: now,
    sent: [],
    sentTokens: 0,
    pausedUntil: Number.NEGATIVE_INFINITY,
    runningSince: 0,
    runningSinceMax: Number.POSITIVE_INFINITY,
  };
}

interface Sent {
  readonly requests: number;
  readonly tokens: number;
}

/** The time at which enough calls are more than a minute old. */
function whenFits(pace: Pace, fits: (sent: Sent) => boolean, now: number): number {
  let requests = pace.sent.length;
  let tokens = pace.sentTokens;
  let when = now;
  for (const call of pace.sent) {
    if (fits({ requests, tokens })) break;
    requests -= 1;
    tokens -= call.tokens;
    when = call.at + windowMs;
  }
  return when;
}

function burstOf(perMinute = 0): number {
  return Math.max(1, perMinute * burstShare);
}

function timeFor(amount: number, perMinute: number): number {
  return Math.ceil((amount * minuteMs) / perMinute);
}
