import { pause } from './clock.js';
import {
  holdMs,
  joinTimeoutMs,
  NOT_HELD_MS,
  renewAfterMs,
  retryCapMs,
  tryTimeoutMs,
  USUAL_TTL_MS,
} from './pace.js';
import { asError, isGone, Unreachable } from './problem.js';
import { pursue } from './pursuit.js';
import { mayWaitForName, type Resigned, type Stand, type StandOptions, successorOf } from './stand.js';
import { type Answer, roundTripMs, type Transport } from './transport.js';
import { readStandAnswer, type StandAnswer } from './wire.js';

/**
 * One stand with a session of its own: a campaign under a key of its own and the renewals of the session it made,
 * until the service says that it is over. All calls of a stand may be repeated: the key makes a repeated campaign find the
 * candidacy that a lost answer has created.
 */
export class OwnStand implements Stand {
  readonly #transport: Transport;
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
  /** Of the last renewal, unless it asked to be held; the service advises on the TTL by it. */
  #roundTripMs: number | undefined;

  constructor(transport: Transport, options: StandOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#path = `/v1/elections/${encodeURIComponent(options.election)}`;
    this.#ttlMs = options.request.ttlMs ?? USUAL_TTL_MS;
    this.#answeredSentMs = this.#lastSentMs = transport.clock.monotonicMs();
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
      await pause(this.#transport.clock, this.#untilRenewalMs(), this.#stop.signal);
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
      await Promise.race([joined, pause(this.#transport.clock, joinTimeoutMs(this.#ttlMs), signal)]);
    }
    this.stop();
    if (this.#session === undefined) return { outcome: 'unknown' };
    const body = { session: this.#session, candidateId: this.#candidateId };
    const leftMs =
      this.#ttlMs + tryTimeoutMs(this.#ttlMs) - (this.#transport.clock.monotonicMs() - this.#lastSentMs);
    try {
      const call = { method: 'POST', path: `${this.#path}/resign`, body } as const;
      const answer = await this.#pursue(
        () => ({ call, timeoutMs: tryTimeoutMs(this.#ttlMs) }),
        signal,
        Math.max(leftMs, 0),
      );
      return { outcome: 'resigned', ...successorOf(answer) };
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
      this.#lastSentMs = this.#transport.clock.monotonicMs();
      return { call, timeoutMs: joinTimeoutMs(this.#ttlMs) };
    };
    const startedMs = this.#transport.clock.monotonicMs();
    for (;;) {
      try {
        return this.#take(await this.#pursue(plan, this.#stop.signal));
      } catch (error) {
        const sinceMs = this.#transport.clock.monotonicMs() - startedMs;
        if (!mayWaitForName(error, this.#options, sinceMs, this.#ttlMs)) throw error;
        this.#options.onTrouble(asError(error));
        await pause(this.#transport.clock, retryCapMs(this.#ttlMs), this.#stop.signal);
      }
    }
  }

  async #renew(): Promise<void> {
    // Only a waiting candidate lets itself be held: the time of a hold is lost to the grant.
    const waitMs = this.#last?.state === 'waiting' ? holdMs(this.#ttlMs) : 0;
    const plan = (attempt: number) => {
      this.#lastSentMs = this.#transport.clock.monotonicMs();
      const hold = attempt === 0 ? waitMs : 0;
      const previousRttMs = this.#roundTripMs;
      const body = {
        session: this.#session,
        ...(hold > 0 ? { waitMs: hold } : {}),
        ...(previousRttMs !== undefined && { previousRttMs }),
      };
      const call = { method: 'POST', path: `${this.#path}/renew`, body } as const;
      return { call, timeoutMs: hold + tryTimeoutMs(this.#ttlMs) };
    };
    const answer = await this.#pursue(plan, this.#stop.signal);
    const tookMs = roundTripMs(this.#transport.clock, answer);
    this.#roundTripMs = waitMs > 0 ? undefined : tookMs;
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
    const sinceMs = this.#transport.clock.monotonicMs() - this.#answeredSentMs;
    return Math.max(0, renewAfterMs(this.#ttlMs, advised, this.#options.random()) - sinceMs);
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
    return pursue(this.#transport, {
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
