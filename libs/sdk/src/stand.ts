import { pause } from './clock.js';
import type { Answer, Http } from './http.js';
import { holdMs, renewAfterMs, retryCapMs, tryTimeoutMs } from './pace.js';
import { asError, IncumbentProblem, Unreachable } from './problem.js';
import { pursue } from './pursuit.js';
import { isRecord, type Metadata, readStandAnswer, type StandAnswer } from './wire.js';

/** What a candidate says of itself when it stands. Unset fields take the election's defaults. */
export interface StandRequest {
  /** Name of this process in the election; one live candidacy per name. */
  readonly candidate: string;
  readonly ttlMs?: number;
  readonly address?: string;
  readonly metadata?: Metadata;
  readonly priority?: number;
}

export interface StandOptions {
  readonly election: string;
  readonly request: StandRequest;
  /** Wait for a holder of the same name to end instead of failing. */
  readonly waitForName: boolean;
  random(): number;
  /** Every readable answer, with the instant of its request's sending. */
  onAnswer(answer: StandAnswer, sent: Answer['sent']): void;
  onTrouble(error: Error): void;
}

export interface Resigned {
  /**
   * `expired`: no answer came, but the session's TTL has passed since its last renewal. `unknown`: the campaign
   * itself was never answered, or `close()` cut the resigning short; what is left at the service ends by its TTL.
   */
  readonly outcome: 'resigned' | 'expired' | 'unknown';
  /** Candidate that leads next, where the service named it. */
  readonly successor?: unknown;
}

/** Assumed until the service has told the session's TTL. */
const USUAL_TTL_MS = 10_000;
/** A held renewal that is answered sooner than this was not held. */
const NOT_HELD_MS = 100;

/**
 * One stand in an election: a campaign under a key of its own and the renewals of the session it made, until the
 * service says that it is over. All calls of a stand may be repeated: the key makes a repeated campaign find the
 * candidacy that a lost answer has created.
 */
export class Stand {
  readonly #http: Http;
  readonly #options: StandOptions;
  readonly #path: string;
  readonly #key = globalThis.crypto.randomUUID();
  readonly #stop = new AbortController();
  #session: string | undefined;
  #candidateId: string | undefined;
  #ttlMs: number;
  #last: StandAnswer | undefined;
  #joining: Promise<void> | undefined;
  /** When the request of the last answer was sent. */
  #answeredSentMs: number;
  /** When the last renewal was sent, answered or not: the session may live a TTL from there. */
  #lastSentMs: number;
  #quickAnswers = 0;

  constructor(http: Http, options: StandOptions) {
    this.#http = http;
    this.#options = options;
    this.#path = `/v1/elections/${encodeURIComponent(options.election)}`;
    this.#ttlMs = options.request.ttlMs ?? USUAL_TTL_MS;
    this.#answeredSentMs = this.#lastSentMs = http.clock.monotonicMs();
  }

  get candidateId(): string | undefined {
    return this.#candidateId;
  }

  /**
   * Stands until the service ends it; resolves with the reason.
   * @throws IncumbentProblem when the service refuses for good, AbortError after `stop()`.
   */
  async run(): Promise<string> {
    this.#joining = this.#join();
    await this.#joining;
    while (this.#last?.state !== 'out') {
      await pause(this.#http.clock, this.#untilRenewalMs(), this.#stop.signal);
      try {
        await this.#renew();
      } catch (error) {
        if (isGone(error)) return 'expired';
        throw error;
      }
    }
    return this.#last.reason ?? 'expired';
  }

  /** Cuts whatever is under way; `run()` then rejects. */
  stop(): void {
    this.#stop.abort();
  }

  /**
   * Stops, then tells the service; repeated until a definite answer or until the session must have expired
   * unrenewed. A campaign under way gets a moment to be answered, for without its session nothing can be resigned.
   */
  async resign(signal: AbortSignal): Promise<Resigned> {
    if (this.#session === undefined && this.#joining !== undefined) {
      const joined = this.#joining.catch(() => undefined);
      await Promise.race([joined, pause(this.#http.clock, this.#joinTimeoutMs(), signal)]);
    }
    this.stop();
    if (this.#session === undefined) return { outcome: 'unknown' };
    const body = { session: this.#session, candidateId: this.#candidateId };
    const leftMs =
      this.#ttlMs + tryTimeoutMs(this.#ttlMs) - (this.#http.clock.monotonicMs() - this.#lastSentMs);
    try {
      const call = { method: 'POST', path: `${this.#path}/resign`, body } as const;
      const answer = await this.#pursue(
        () => ({ call, timeoutMs: tryTimeoutMs(this.#ttlMs) }),
        signal,
        Math.max(leftMs, 0),
      );
      const successor = isRecord(answer.body) ? answer.body['successor'] : undefined;
      return { outcome: 'resigned', ...(successor === undefined || successor === null ? {} : { successor }) };
    } catch (error) {
      if (isGone(error) || error instanceof Unreachable) return { outcome: 'expired' };
      if (signal.aborted) return { outcome: 'unknown' };
      throw error;
    }
  }

  async #join(): Promise<void> {
    const call = {
      method: 'POST',
      path: `${this.#path}/campaign`,
      body: { ...this.#options.request },
      headers: { 'idempotency-key': this.#key },
    } as const;
    const plan = () => {
      this.#lastSentMs = this.#http.clock.monotonicMs();
      return { call, timeoutMs: this.#joinTimeoutMs() };
    };
    const startedMs = this.#http.clock.monotonicMs();
    for (;;) {
      try {
        return this.#take(await this.#pursue(plan, this.#stop.signal));
      } catch (error) {
        if (!this.#mayWait(error, startedMs)) throw error;
        this.#options.onTrouble(asError(error));
        await pause(this.#http.clock, retryCapMs(this.#ttlMs), this.#stop.signal);
      }
    }
  }

  /** The name may belong to this process's previous life, whose session ends within a TTL; twice that is enough. */
  #mayWait(error: unknown, startedMs: number): boolean {
    if (!(error instanceof IncumbentProblem) || error.code !== 'election.candidate_taken') return false;
    return this.#options.waitForName && this.#http.clock.monotonicMs() - startedMs < 2 * this.#ttlMs;
  }

  async #renew(): Promise<void> {
    // Only a waiting candidate lets itself be held: the time of a hold is lost to the grant.
    const waitMs = this.#last?.state === 'waiting' ? holdMs(this.#ttlMs) : 0;
    const plan = (attempt: number) => {
      this.#lastSentMs = this.#http.clock.monotonicMs();
      const hold = attempt === 0 ? waitMs : 0;
      const body = { session: this.#session, ...(hold > 0 ? { waitMs: hold } : {}) };
      const call = { method: 'POST', path: `${this.#path}/renew`, body } as const;
      return { call, timeoutMs: hold + tryTimeoutMs(this.#ttlMs) };
    };
    const answer = await this.#pursue(plan, this.#stop.signal);
    const tookMs = this.#http.clock.monotonicMs() - answer.sent.monotonicMs;
    this.#quickAnswers = waitMs > 0 && tookMs < NOT_HELD_MS ? this.#quickAnswers + 1 : 0;
    this.#take(answer);
  }

  #take({ body, sent }: Answer): void {
    const answer = readStandAnswer(body);
    this.#last = answer;
    this.#answeredSentMs = sent.monotonicMs;
    this.#session = answer.session ?? this.#session;
    this.#candidateId = answer.candidateId ?? this.#candidateId;
    this.#ttlMs = answer.ttlMs ?? this.#ttlMs;
    this.#options.onAnswer(answer, sent);
  }

  #untilRenewalMs(): number {
    const advised = this.#last?.renewAfterMs;
    if (this.#last?.state === 'waiting') {
      // At once, for the hold is the wait; but a service that answers without holding must not be spun upon.
      return this.#quickAnswers < 3
        ? 0
        : Math.min(25 * this.#quickAnswers, renewAfterMs(this.#ttlMs, advised, this.#options.random()));
    }
    const sinceMs = this.#http.clock.monotonicMs() - this.#answeredSentMs;
    return Math.max(0, renewAfterMs(this.#ttlMs, advised, this.#options.random()) - sinceMs);
  }

  /** The first try of a campaign opens a connection, so a short TTL must not hurry it. */
  #joinTimeoutMs(): number {
    return Math.max(tryTimeoutMs(this.#ttlMs), 500);
  }

  #check(body: unknown): void {
    const answer = readStandAnswer(body);
    if (this.#session === undefined && answer.session === undefined)
      throw new Unreachable('The answer names no session.');
  }

  #pursue(
    plan: Parameters<typeof pursue>[1]['plan'],
    signal: AbortSignal,
    giveUpAfterMs?: number,
  ): Promise<Answer> {
    return pursue(this.#http, {
      plan,
      signal,
      check: ({ body }) => this.#check(body),
      retryCapMs: retryCapMs(this.#ttlMs),
      random: () => this.#options.random(),
      onTrouble: (error) => this.#options.onTrouble(error),
      ...(giveUpAfterMs === undefined ? {} : { giveUpAfterMs }),
    });
  }
}

/** The session has ended, or the service does not know it any more (its store was replaced): stand anew. */
function isGone(error: unknown): boolean {
  return (
    error instanceof IncumbentProblem &&
    (error.code === 'session.expired' || error.code === 'session.unknown')
  );
}
