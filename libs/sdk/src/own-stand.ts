import { pause, settled } from './clock.js';
import {
  holdMs,
  joinTimeoutMs,
  namePauseMs,
  NOT_HELD_MS,
  renewAfterMs,
  retryCapMs,
  tryTimeoutMs,
  USUAL_TTL_MS,
} from './pace.js';
import { asError, isGone, Unreachable } from './problem.js';
import { pursue } from './pursuit.js';
import {
  mayWaitForName,
  type Resigned,
  type Stand,
  type StandOptions,
  type SteppedDown,
  successorOf,
} from './stand.js';
import { hasSeat, StepDowns } from './step-downs.js';
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
  readonly #stepDowns = new StepDowns();
  #session: string | undefined;
  #candidateId: string | undefined;
  #ttlMs: number;
  #last: StandAnswer | undefined;
  #joining: Promise<void> | undefined;
  /** When the request of the last answer was sent; the next renewal counts from there. */
  #answeredSentMs: number;
  /** That of the last answer that counted; answers to earlier requests are late. */
  #toldSentMs = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | undefined;
  /** When the last renewal was sent, answered or not: the session may live a TTL from there. */
  #lastSentMs: number;
  #quickAnswers = 0;
  /** Reported and not heard yet. */
  #health: number | undefined;
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

  get leads(): boolean {
    return hasSeat(this.#last) && !this.#stepDowns.left(this.#candidateId);
  }

  /**
   * Stands until the service ends it; resolves with the reason.
   * @throws IncumbentProblem when the service refuses for good, AbortError after `stop()`.
   */
  async run(): Promise<string> {
    this.#joining = this.#join();
    await this.#joining;
    try {
      while (this.#last?.state !== 'out') if (await this.#isDue()) await this.#renew();
      return this.#last.reason ?? 'expired';
    } catch (error) {
      if (isGone(error)) return 'expired';
      throw this.#stepDowns.refusal ?? error;
    } finally {
      this.stop();
    }
  }

  stepDown(signal: AbortSignal): Promise<SteppedDown> {
    const candidateId = this.#candidateId ?? '';
    const call = {
      method: 'POST',
      path: `${this.#path}/step-down`,
      body: { session: this.#session, candidateId },
    } as const;
    const plan = () => {
      this.#lastSentMs = this.#transport.clock.monotonicMs();
      return { call, timeoutMs: tryTimeoutMs(this.#ttlMs) };
    };
    const send = async (): Promise<Answer> => {
      const answer = await this.#pursue(plan, AbortSignal.any([signal, this.#stop.signal]));
      this.#take(answer);
      return answer;
    };
    return this.#stepDowns.carry(candidateId, send, () => this.stop());
  }

  reportHealth(health: number): void {
    this.#health = health;
  }

  /** Cuts whatever is under way; `run()` then rejects. */
  stop(): void {
    this.#stop.abort();
    this.#wake?.();
  }

  /**
   * Stops, then tells the service; repeated until a definite answer or until the session must have expired
   * unrenewed. A campaign under way gets a moment to be answered, for without its session nothing can be resigned, and
   * so does a step-down, which makes another candidacy.
   */
  async resign(signal: AbortSignal, failed = false): Promise<Resigned> {
    if (this.#session === undefined && this.#joining !== undefined) {
      await settled(this.#transport.clock, this.#joining, joinTimeoutMs(this.#ttlMs), signal);
    }
    await this.#stepDowns.answered(this.#transport.clock, tryTimeoutMs(this.#ttlMs), signal);
    this.stop();
    if (this.#session === undefined) return { outcome: 'unknown' };
    const body = { session: this.#session, candidateId: this.#candidateId, ...(failed && { failed }) };
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
        await pause(this.#transport.clock, namePauseMs(this.#ttlMs), this.#stop.signal);
      }
    }
  }

  async #renew(): Promise<void> {
    // Only a waiting candidate lets itself be held: the time of a hold is lost to the grant.
    const waitMs = this.#last?.state === 'waiting' ? holdMs(this.#ttlMs) : 0;
    const health = this.#health;
    const plan = (attempt: number) => {
      this.#lastSentMs = this.#transport.clock.monotonicMs();
      const hold = attempt === 0 ? waitMs : 0;
      const previousRttMs = this.#roundTripMs;
      const body = {
        session: this.#session,
        ...(hold > 0 ? { waitMs: hold } : {}),
        ...(previousRttMs !== undefined && { previousRttMs }),
        ...(health !== undefined && { health }),
      };
      const call = { method: 'POST', path: `${this.#path}/renew`, body } as const;
      return { call, timeoutMs: hold + tryTimeoutMs(this.#ttlMs) };
    };
    const answer = await this.#pursue(plan, this.#stop.signal);
    if (this.#health === health) this.#health = undefined;
    const tookMs = roundTripMs(this.#transport.clock, answer);
    this.#roundTripMs = waitMs > 0 ? undefined : tookMs;
    this.#quickAnswers = waitMs > 0 && tookMs < NOT_HELD_MS ? this.#quickAnswers + 1 : 0;
    this.#take(answer);
  }

  #take({ body, sent }: Answer): void {
    const answer = readStandAnswer(body);
    this.#answeredSentMs = Math.max(this.#answeredSentMs, sent.monotonicMs);
    this.#session = answer.session ?? this.#session;
    this.#ttlMs = answer.ttlMs ?? this.#ttlMs;
    if (sent.monotonicMs < this.#toldSentMs || this.#stepDowns.left(answer.candidateId)) return;
    this.#toldSentMs = sent.monotonicMs;
    this.#last = answer;
    this.#candidateId = answer.candidateId ?? this.#candidateId;
    this.#options.onAnswer(answer, sent);
    this.#wake?.();
  }

  /** Waits until it is time to renew; false if an answer has come meanwhile, so that it may be time for something else. */
  async #isDue(): Promise<boolean> {
    this.#stop.signal.throwIfAborted();
    const wake = new AbortController();
    this.#wake = () => wake.abort();
    await pause(this.#transport.clock, this.#untilRenewalMs(), wake.signal);
    this.#wake = undefined;
    this.#stop.signal.throwIfAborted();
    return !wake.signal.aborted;
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

  /** Whether a renewal may still save the session: its ttlMs has not passed since the last one that was answered. */
  #mayLive(): boolean {
    const sinceMs = this.#transport.clock.monotonicMs() - this.#answeredSentMs;
    return this.#session !== undefined && sinceMs < this.#ttlMs;
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
      retryCapMs: () => retryCapMs(this.#ttlMs, this.#mayLive()),
      random: () => this.#options.random(),
      onTrouble: (error) => this.#options.onTrouble(error),
      ...(giveUpAfterMs === undefined ? {} : { giveUpAfterMs }),
    });
  }
}
