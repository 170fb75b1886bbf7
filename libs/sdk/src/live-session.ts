import { type Moment, pause } from './clock.js';
import { renewAfterMs, retryCapMs, tryTimeoutMs } from './pace.js';
import { asError, isGone } from './problem.js';
import { pursue } from './pursuit.js';
import { type Answer, type Call, roundTripMs, type Transport } from './transport.js';
import { type LedTerm, readSessionAnswer, type SessionAnswer, type StandAnswer } from './wire.js';

/** Who stands with the session in one election. */
export interface Member {
  readonly election: string;
  /** Unknown until its campaign was answered. */
  readonly candidateId: string | undefined;
  /** The answer to the renewal sent at `sent` tells a term of its candidacy. */
  led(answer: StandAnswer, sent: Moment): void;
  /** That answer tells none. It proves nothing, but the election may be asked. */
  notLed(sent: Moment): void;
  /** The service has news of its election. */
  onNews(): void;
  onTrouble(error: Error): void;
  /** The session is over; `end` says why. */
  sessionOver(): void;
}

/** Why a session is over: it was not renewed, this process ended it, or the service refuses it for good. */
export type SessionEnd = 'expired' | 'ended' | Error;

/** How long leaving waits for the service to hear of it. */
const END_WITHIN_MS = 2_000;

/**
 * One session of the service, from its making to its end, renewed once for all who stand with it.
 *
 * Every term of an answer goes to the member that stands in its election. A term in an election where nobody of this
 * process stands any more is resigned at once: else the process would stay leader of what it does not do. Why a term
 * has ended is told by its election; here only what is led is told.
 */
export class LiveSession {
  readonly token: string;
  readonly ttlMs: number;
  readonly #transport: Transport;
  readonly #random: () => number;
  readonly #members = new Map<string, Member>();
  /**
   * Candidacies whose resignation may have been sent: whatever names them grants nothing any more, to nobody. With
   * the instant from which on nothing can: a ttlMs after the service was heard to know, later for as long as it was not.
   */
  readonly #resigned = new Map<string, number>();
  /** Of these, what nobody of this process resigns. */
  readonly #unwanted = new Set<string>();
  readonly #over = new AbortController();
  readonly #forgetNews: (() => void) | undefined;
  #end: SessionEnd | undefined;
  #closing: Promise<boolean> | undefined;
  #wake: AbortController | undefined;
  /** News came while a renewal was under way, which may not tell it yet. */
  #again = false;
  #advisedMs: number | undefined;
  /** Of the last renewal; the service advises on the TTL by it. */
  #roundTripMs: number | undefined;
  #answeredSentMs: number;

  constructor(transport: Transport, opened: SessionAnswer, sent: Moment, random: () => number) {
    this.#transport = transport;
    this.#random = random;
    this.token = opened.session;
    this.ttlMs = opened.ttlMs;
    this.#advisedMs = opened.renewAfterMs;
    this.#answeredSentMs = sent.monotonicMs;
    this.#forgetNews = transport.onNews?.((election) => this.#hearNews(election));
    void this.#run();
  }

  /** Why it is over; undefined while it lives. */
  get end(): SessionEnd | undefined {
    return this.#end;
  }

  /** Whether a renewal may still save it: its ttlMs has not passed since the last one that was answered. */
  get mayLive(): boolean {
    return this.#transport.clock.monotonicMs() - this.#answeredSentMs < this.ttlMs;
  }

  /** Whether the service has heard of the end; undefined while nobody tells it. */
  get closing(): Promise<boolean> | undefined {
    return this.#closing;
  }

  add(member: Member): void {
    this.#members.set(member.election, member);
  }

  /** What the member leaves behind is resigned when the service tells that it leads. */
  remove(member: Member): void {
    if (this.#members.get(member.election) === member) this.#members.delete(member.election);
  }

  /** To be called before a resignation is sent. */
  noteResigned(candidateId: string): void {
    const nowMs = this.#transport.clock.monotonicMs();
    for (const [earlier, untilMs] of this.#resigned) if (untilMs <= nowMs) this.#resigned.delete(earlier);
    this.#resigned.set(candidateId, Number.POSITIVE_INFINITY);
  }

  /** To be called when the service has answered it: no answer to a later request names the candidacy. */
  noteHeard(candidateId: string): void {
    this.#resigned.set(candidateId, this.#transport.clock.monotonicMs() + this.ttlMs);
  }

  /** Whether a resignation of it may still arrive, so that it must never be believed again. */
  wasResigned(candidateId: string): boolean {
    return this.#resigned.has(candidateId);
  }

  /** Stops renewing; nothing is told to the service. */
  stop(end: SessionEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#forgetNews?.();
    this.#over.abort();
    for (const member of [...this.#members.values()]) member.sessionOver();
  }

  /**
   * Tells the service that the session is over, and with it everything that stands with it. Sends nothing in the turn in
   * which it is called: until then its members end their belief. Resolves with whether the service has heard it.
   */
  close(): Promise<boolean> {
    this.#closing ??= Promise.resolve().then(() => this.#tellEnd());
    return this.#closing;
  }

  async #tellEnd(): Promise<boolean> {
    if (this.#end !== undefined) return true;
    this.stop('ended');
    const call = { method: 'POST', path: '/v1/sessions/end', body: { session: this.token } } as const;
    const never = new AbortController();
    return await this.#pursue(call, never.signal, END_WITHIN_MS).then(
      () => true,
      (error: unknown) => isGone(error),
    );
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        await this.#untilRenewal();
        if (this.#end !== undefined) return;
        this.#again = false;
        const previousRttMs = this.#roundTripMs;
        const body = { session: this.token, ...(previousRttMs !== undefined && { previousRttMs }) };
        const call = { method: 'POST', path: '/v1/sessions/renew', body } as const;
        const answer = await this.#pursue(call, this.#over.signal);
        this.#roundTripMs = roundTripMs(this.#transport.clock, answer);
        this.#tell(answer);
      }
    } catch (error) {
      this.stop(isGone(error) ? 'expired' : asError(error));
    }
  }

  #hearNews(election: string | undefined): void {
    for (const member of this.#members.values()) {
      if (election === undefined || election === member.election) member.onNews();
    }
    this.#again = true;
    this.#wake?.abort();
  }

  async #untilRenewal(): Promise<void> {
    if (this.#again) return;
    const sinceMs = this.#transport.clock.monotonicMs() - this.#answeredSentMs;
    const delayMs = Math.max(0, renewAfterMs(this.ttlMs, this.#advisedMs, this.#random()) - sinceMs);
    const wake = new AbortController();
    const stop = (): void => wake.abort();
    this.#wake = wake;
    this.#over.signal.addEventListener('abort', stop);
    if (this.#end === undefined) await pause(this.#transport.clock, delayMs, wake.signal);
    this.#over.signal.removeEventListener('abort', stop);
    this.#wake = undefined;
  }

  #pursue(call: Call, signal: AbortSignal, giveUpAfterMs?: number): Promise<Answer> {
    const renews = call.path === '/v1/sessions/renew';
    return pursue(this.#transport, {
      plan: () => ({ call, timeoutMs: tryTimeoutMs(this.ttlMs) }),
      signal,
      retryCapMs: () => retryCapMs(this.ttlMs, this.mayLive),
      random: this.#random,
      ...(giveUpAfterMs === undefined ? {} : { giveUpAfterMs }),
      ...(renews && {
        check: ({ body }: Answer) => void readSessionAnswer(body),
        onTrouble: (error: Error) => {
          for (const member of [...this.#members.values()]) member.onTrouble(error);
        },
      }),
    });
  }

  #tell({ body, sent }: Answer): void {
    if (this.#end !== undefined) return;
    const { terms, renewAfterMs: advisedMs } = readSessionAnswer(body);
    this.#advisedMs = advisedMs;
    this.#answeredSentMs = sent.monotonicMs;
    const led = new Map(terms.map((term) => [term.election, term]));
    for (const member of [...this.#members.values()]) {
      const term = led.get(member.election);
      if (member.candidateId === undefined) continue;
      if (term === undefined) member.notLed(sent);
      else if (term.answer.candidateId === member.candidateId) member.led(term.answer, sent);
      // It leads as a candidacy that it has not heard of yet: its election tells.
      else member.onNews();
    }
    for (const term of terms) if (!this.#members.has(term.election)) void this.#resignUnwanted(term);
  }

  /** Given up after a TTL; the next answer that tells the term begins anew. */
  async #resignUnwanted({ election, answer: { candidateId } }: LedTerm): Promise<void> {
    if (candidateId === undefined || this.#unwanted.has(candidateId)) return;
    this.#unwanted.add(candidateId);
    this.noteResigned(candidateId);
    const path = `/v1/elections/${encodeURIComponent(election)}/resign`;
    const call = { method: 'POST', path, body: { session: this.token, candidateId } } as const;
    const heard = this.#pursue(call, this.#over.signal, this.ttlMs).then(() => this.noteHeard(candidateId));
    await heard.catch(() => undefined);
    this.#unwanted.delete(candidateId);
  }
}
