import { type Moment, pause, settled } from './clock.js';
import type { LiveSession, Member } from './live-session.js';
import {
  holdMs,
  joinTimeoutMs,
  namePauseMs,
  NOT_HELD_MS,
  renewAfterMs,
  retryCapMs,
  tryTimeoutMs,
} from './pace.js';
import { asError, isGone, Unreachable } from './problem.js';
import { pursue } from './pursuit.js';
import type { SharedSession } from './shared-session.js';
import {
  mayWaitForName,
  type Resigned,
  type Stand,
  type StandOptions,
  type SteppedDown,
  successorOf,
} from './stand.js';
import { hasSeat, StepDowns } from './step-downs.js';
import type { Answer, Call, Transport } from './transport.js';
import { readStandAnswer, type StandAnswer } from './wire.js';

/** With a transport that pushes, one who waits asks at least so often all the same: news may be lost. */
const ASK_AT_LEAST_MS = 30_000;

/**
 * One stand with the session that the client's candidacies share. Its terms are told by the renewals of the session;
 * where they tell none any more, and while it waits, it asks its election.
 */
export class SharedStand implements Stand, Member {
  readonly #transport: Transport;
  readonly #shared: SharedSession;
  readonly #options: StandOptions;
  readonly #path: string;
  /** Cuts whatever is under way but the resigning. */
  readonly #halt = new AbortController();
  /** Cuts the resigning: there is nothing left to resign. */
  readonly #sessionOver = new AbortController();
  readonly #stepDowns = new StepDowns();
  #live: LiveSession | undefined;
  #candidateId: string | undefined;
  #last: StandAnswer | undefined;
  /** When the request of the last answer was sent; answers to earlier requests are late. */
  #answeredSentMs = Number.NEGATIVE_INFINITY;
  #joining: Promise<void> | undefined;
  #leaving = false;
  #quickAnswers = 0;
  /** Reported and not heard yet. */
  #health: number | undefined;
  /** The election has to be asked. */
  #doubt = false;
  #wake: AbortController | undefined;

  constructor(transport: Transport, shared: SharedSession, options: StandOptions) {
    this.#transport = transport;
    this.#shared = shared;
    this.#options = options;
    this.#path = `/v1/elections/${encodeURIComponent(options.election)}`;
  }

  get election(): string {
    return this.#options.election;
  }

  get candidateId(): string | undefined {
    return this.#candidateId;
  }

  get leads(): boolean {
    return hasSeat(this.#last) && !this.#stepDowns.left(this.#candidateId);
  }

  async run(): Promise<string> {
    const making = this.#shared.live((error) => this.onTrouble(error));
    // Others may go on waiting for it, for as long as the service is away.
    const live = await Promise.race([making, aborted(this.#halt.signal)]);
    this.#halt.signal.throwIfAborted();
    if (live === undefined) throw new Unreachable('No session was made.');
    this.#live = live;
    live.add(this);
    try {
      // A session that ended before it was joined told nobody here.
      if (live.end !== undefined) this.sessionOver();
      this.#joining = this.#join(live);
      await this.#joining;
      return await this.#stay(live);
    } catch (error) {
      if (isGone(error)) live.stop('expired');
      if (this.#leaving || live.end === undefined) throw this.#stepDowns.refusal ?? error;
      if (live.end instanceof Error) throw live.end;
      return 'expired';
    } finally {
      if (!this.#leaving) live.remove(this);
      this.#cut();
    }
  }

  async stepDown(signal: AbortSignal): Promise<SteppedDown> {
    const live = this.#live;
    const candidateId = this.#candidateId;
    if (live === undefined || candidateId === undefined) return { outcome: 'not_leading' };
    live.noteResigned(candidateId);
    const body = { session: live.token, candidateId };
    const call = { method: 'POST', path: `${this.#path}/step-down`, body } as const;
    const plan = () => ({ call, timeoutMs: tryTimeoutMs(live.ttlMs) });
    const send = async (): Promise<Answer> => {
      const answer = await this.#pursue(plan, AbortSignal.any([signal, this.#halt.signal]));
      live.noteHeard(candidateId);
      this.#take(readStandAnswer(answer.body), answer.sent);
      return answer;
    };
    const done = await this.#stepDowns.carry(candidateId, send, () => this.#cut());
    if (done.outcome === 'expired') live.stop('expired');
    return done;
  }

  reportHealth(health: number): void {
    this.#health = health;
    this.onNews();
  }

  async resign(signal: AbortSignal, failed = false): Promise<Resigned> {
    this.#leaving = true;
    const live = this.#live;
    if (live?.closing) return { outcome: await heard(live.closing, signal) };
    if (this.#candidateId === undefined && this.#joining !== undefined) {
      await settled(this.#transport.clock, this.#joining, joinTimeoutMs(this.#shared.ttlMs), signal);
    }
    await this.#stepDowns.answered(this.#transport.clock, tryTimeoutMs(this.#shared.ttlMs), signal);
    this.#cut();
    try {
      if (live === undefined || this.#candidateId === undefined) return { outcome: 'unknown' };
      return await this.#resign(live, this.#candidateId, signal, failed);
    } finally {
      live?.remove(this);
    }
  }

  led(answer: StandAnswer, sent: Moment): void {
    const { leader } = this.#last ?? {};
    const same = leader?.term === answer.grant?.term;
    this.#take({ ...answer, leader: same ? leader : undefined }, sent);
  }

  notLed(sent: Moment): void {
    if (hasSeat(this.#last) && sent.monotonicMs >= this.#answeredSentMs) this.onNews();
  }

  onNews(): void {
    this.#doubt = true;
    this.#wake?.abort();
  }

  onTrouble(error: Error): void {
    if (!this.#halt.signal.aborted) this.#options.onTrouble(error);
  }

  sessionOver(): void {
    this.#sessionOver.abort();
    this.#cut();
  }

  #cut(): void {
    this.#halt.abort();
    this.#wake?.abort();
  }

  /** Stands until the election says that it is over, or until the session is. */
  async #stay(live: LiveSession): Promise<string> {
    while (this.#last?.state !== 'out') {
      this.#halt.signal.throwIfAborted();
      const waits = this.#last?.state === 'waiting';
      if (this.#doubt) await this.#ask(live, 0);
      else if (waits && !this.#transport.pushes) await this.#askHeld(live);
      else await this.#untilNews(waits);
    }
    return this.#last.reason ?? 'expired';
  }

  async #join(live: LiveSession): Promise<void> {
    const { ttlMs: _shared, ...request } = this.#options.request;
    const body = { ...request, session: live.token };
    const call = { method: 'POST', path: `${this.#path}/campaign`, body } as const;
    const timeoutMs = joinTimeoutMs(live.ttlMs);
    const startedMs = this.#transport.clock.monotonicMs();
    for (;;) {
      try {
        const { body: told, sent } = await this.#pursue(() => ({ call, timeoutMs }), this.#halt.signal);
        const answer = readStandAnswer(told);
        const { candidateId = '' } = answer;
        if (!live.wasResigned(candidateId)) return this.#take(answer, sent);
        // What an earlier candidacy of this election had resigned, unheard: it goes before a new one is made.
        await this.#resign(live, candidateId, this.#halt.signal);
      } catch (error) {
        const sinceMs = this.#transport.clock.monotonicMs() - startedMs;
        if (!mayWaitForName(error, this.#options, sinceMs, live.ttlMs)) throw error;
        this.#options.onTrouble(asError(error));
        await pause(this.#transport.clock, namePauseMs(live.ttlMs), this.#halt.signal);
      }
    }
  }

  /** The hold is the wait; but a service that answers without holding must not be spun upon. */
  async #askHeld(live: LiveSession): Promise<void> {
    if (this.#quickAnswers >= 3) {
      const calmMs = renewAfterMs(live.ttlMs, undefined, this.#options.random());
      await pause(this.#transport.clock, Math.min(25 * this.#quickAnswers, calmMs), this.#halt.signal);
    }
    const tookMs = await this.#ask(live, holdMs(live.ttlMs));
    this.#quickAnswers = tookMs < NOT_HELD_MS ? this.#quickAnswers + 1 : 0;
  }

  /** How the candidacy stands, said by its election. @returns how long the answer took */
  async #ask(live: LiveSession, waitMs: number): Promise<number> {
    this.#doubt = false;
    const health = this.#health;
    const plan = (attempt: number) => {
      const hold = attempt === 0 ? waitMs : 0;
      const body = {
        session: live.token,
        ...(hold > 0 ? { waitMs: hold } : {}),
        ...(health !== undefined && { health }),
      };
      const call = { method: 'POST', path: `${this.#path}/renew`, body } as const;
      return { call, timeoutMs: hold + tryTimeoutMs(live.ttlMs) };
    };
    const { body, sent } = await this.#pursue(plan, this.#halt.signal);
    if (this.#health === health) this.#health = undefined;
    this.#take(readStandAnswer(body), sent);
    return this.#transport.clock.monotonicMs() - sent.monotonicMs;
  }

  async #untilNews(waits: boolean): Promise<void> {
    const wake = new AbortController();
    this.#wake = wake;
    if (waits) await pause(this.#transport.clock, ASK_AT_LEAST_MS, wake.signal);
    else await aborted(wake.signal);
    this.#doubt ||= waits && !wake.signal.aborted;
    this.#wake = undefined;
  }

  /** Repeated until a definite answer, or for so long that the session would have ended if nobody renewed it. */
  async #resign(
    live: LiveSession,
    candidateId: string,
    signal: AbortSignal,
    failed = false,
  ): Promise<Resigned> {
    live.noteResigned(candidateId);
    const body = { session: live.token, candidateId, ...(failed && { failed }) };
    const call = { method: 'POST', path: `${this.#path}/resign`, body } as const;
    const cut = AbortSignal.any([signal, this.#sessionOver.signal]);
    try {
      const plan = () => ({ call, timeoutMs: tryTimeoutMs(live.ttlMs) });
      const withinMs = live.ttlMs + tryTimeoutMs(live.ttlMs);
      const answer = await this.#pursue(plan, cut, withinMs);
      live.noteHeard(candidateId);
      return { outcome: 'resigned', ...successorOf(answer) };
    } catch (error) {
      if (isGone(error) || live.end !== undefined) return { outcome: 'expired' };
      if (signal.aborted || error instanceof Unreachable) return { outcome: 'unknown' };
      throw error;
    }
  }

  #take(answer: StandAnswer, sent: Moment): void {
    if (sent.monotonicMs < this.#answeredSentMs || this.#stepDowns.left(answer.candidateId)) return;
    this.#answeredSentMs = sent.monotonicMs;
    this.#last = answer;
    this.#candidateId = answer.candidateId ?? this.#candidateId;
    this.#options.onAnswer(answer, sent);
    this.#wake?.abort();
  }

  #pursue(
    plan: (attempt: number) => { call: Call; timeoutMs: number },
    signal: AbortSignal,
    giveUpAfterMs?: number,
  ): Promise<Answer> {
    return pursue(this.#transport, {
      plan,
      signal,
      check: ({ body }) => void readStandAnswer(body),
      retryCapMs: () => retryCapMs(this.#shared.ttlMs, this.#live?.mayLive ?? false),
      random: () => this.#options.random(),
      onTrouble: (error) => this.#options.onTrouble(error),
      ...(giveUpAfterMs === undefined ? {} : { giveUpAfterMs }),
    });
  }
}

async function heard(closing: Promise<boolean>, signal: AbortSignal): Promise<Resigned['outcome']> {
  return (await Promise.race([closing, aborted(signal)])) === true ? 'resigned' : 'unknown';
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
