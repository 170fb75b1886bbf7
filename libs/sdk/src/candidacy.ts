import { EventEmitter } from 'node:events';
import { type Clock, pause } from './clock.js';
import { restandPauseMs } from './pace.js';
import { asError, CandidacyEnded, IncumbentProblem } from './problem.js';
import type { Resigned, Stand, StandOptions, StandRequest, SteppedDown } from './stand.js';
import { type Leadership, type Loss, Tenure } from './tenure.js';
import type { Answer } from './transport.js';
import type { Leader, StandAnswer } from './wire.js';

export interface CandidacyEvents {
  elected: [Leadership];
  lost: [Loss];
  /** Standing and not leading; told again whenever the position changes. */
  waiting: [{ position: number | undefined; leader: Leader | undefined }];
  /**
   * The term is being ended: finish, then `stepDown()` or `resign()`. Nothing is granted beyond `remainingMs`; with `yieldByMs` the leader is
   * only asked so far, and grants go on for so long.
   */
  yielding: [{ remainingMs: number; yieldByMs: number | undefined; reason: string | undefined }];
  /**
   * The term is in danger: a renewal failed and is repeated. It is still this process's until `until`. Told once, and again
   * only after a renewal has succeeded meanwhile; never without a term.
   */
  jeopardy: [{ error: Error; remainingMs: number; until: Date }];
  /** The candidacy is over because the service refuses it for good. */
  error: [Error];
}

export interface CampaignOptions extends StandRequest {
  /** Aborting ends the belief at once and resigns. */
  readonly signal?: AbortSignal;
  /** Stand again, under a new key, when the service has ended the candidacy. Default true. */
  readonly rejoin?: boolean;
  /** Wait up to two TTLs for a holder of the same name, such as this process before its restart, to expire. Default false. */
  readonly waitForName?: boolean;
}

/** What a candidacy stands with. */
export interface CandidacyParts {
  readonly clock: Clock;
  readonly random: () => number;
  /** Begins a stand in the election; a candidacy makes one after the other. */
  stand(options: Omit<StandOptions, 'election'>): Stand;
  /** Called when the last stand is over and resigned; again, if it is resigned after its end. */
  onEnd(): void;
}

/** What `runIfLeader` did. */
export type Ran<T> = { readonly ran: false } | { readonly ran: true; readonly value: T };

/** A stand that ended sooner counts towards the growing pause before the next. */
const YOUNG_MS = 1_000;
const CLOSE_WITHIN_MS = 2_000;

/**
 * A process's standing in one election, kept up until `resign()` or `close()`: it campaigns, renews, and stands
 * again when the service has put it out, so it never becomes a silent bystander.
 *
 * `isLeader()` is true only while a grant is unexpired by this process's own clocks, read at each call. Between the
 * check and what you do next the process may be paused beyond that end: only a resource that compares fences is
 * safe against that, so send `fence` or `fencingToken` along.
 */
export class Candidacy extends EventEmitter<CandidacyEvents> {
  readonly #parts: CandidacyParts;
  readonly #options: CampaignOptions;
  readonly #tenure: Tenure;
  /** Aborts the pauses between stands; `#cut` also the resigning. */
  readonly #leaving = new AbortController();
  readonly #cut = new AbortController();
  readonly #done: Promise<void>;
  /** Rejections of those who wait in `whenElected()`. */
  readonly #waiters = new Set<(error: Error) => void>();
  readonly #onAbort = (): void => void this.close();
  #stand: Stand | undefined;
  #trouble: Error | undefined;
  /** The danger to the present term was told. */
  #inJeopardy = false;
  #last: StandAnswer | undefined;
  #health: number | undefined;
  #resigning: Promise<Resigned> | undefined;
  #steppingDown: Promise<SteppedDown> | undefined;
  #ended: Error | undefined;

  constructor(options: CampaignOptions, parts: CandidacyParts) {
    super();
    this.#parts = parts;
    this.#options = options;
    this.#health = options.health;
    const listener = {
      elected: (leadership: Leadership) => this.#tell('elected', leadership),
      lost: (loss: Loss) => this.#tell('lost', loss),
    };
    this.#tenure = new Tenure(parts.clock, listener, () => this.#lapseReason());
    options.signal?.addEventListener('abort', this.#onAbort);
    if (options.signal?.aborted === true) void this.#leave('aborted');
    this.#done = this.#run().finally(() => {
      if (this.#resigning === undefined) parts.onEnd();
    });
  }

  /** Whether this process may act as leader at this very moment. */
  isLeader(): boolean {
    return this.#tenure.grant !== undefined;
  }

  /** How long `isLeader()` stays true if nothing more is heard, in whole milliseconds; 0 when it is false. */
  remainingMs(): number {
    return Math.floor(this.#tenure.remainingMs());
  }

  /** Why the last try failed; undefined once the service has answered. Tries go on until `error` is told. */
  get trouble(): Error | undefined {
    return this.#trouble;
  }

  /** Term, fence and token of the leadership, read at one instant; undefined when not leading. */
  get leadership(): Leadership | undefined {
    return this.#tenure.leadership;
  }

  get term(): number | undefined {
    return this.#tenure.grant?.term;
  }

  get fence(): number | undefined {
    return this.#tenure.grant?.fence;
  }

  get fencingToken(): string | undefined {
    return this.#tenure.grant?.fencingToken;
  }

  /** Place in the queue of the election, as last told. */
  get position(): number | undefined {
    return this.#last?.position;
  }

  /** Who leads the election, as last told: a hint. */
  get leader(): Leader | undefined {
    return this.#last?.leader;
  }

  get state(): 'joining' | 'waiting' | 'leader' | 'out' {
    if (this.#ended !== undefined || this.#leaving.signal.aborted) return 'out';
    if (this.isLeader()) return 'leader';
    return this.#last?.state === 'waiting' ? 'waiting' : 'joining';
  }

  /** Runs `work` only if this process leads and will for `minRemainingMs` at least; says whether it did. */
  async runIfLeader<T>(
    minRemainingMs: number,
    work: (leadership: Leadership) => T | Promise<T>,
  ): Promise<Ran<T>> {
    const leadership = this.leadership;
    if (leadership === undefined || this.remainingMs() < minRemainingMs) return { ran: false };
    return { ran: true, value: await work(leadership) };
  }

  /** Resolves once this process leads; rejects when the candidacy has ended, or with the reason of `signal`. */
  whenElected(signal?: AbortSignal): Promise<Leadership> {
    return new Promise((resolve, reject) => {
      const now = this.leadership;
      if (now !== undefined) return resolve(now);
      if (signal?.aborted === true) return reject(asError(signal.reason));
      if (this.#ended !== undefined) return reject(this.#ended);
      const settle = (act: () => void): void => {
        this.off('elected', onElected);
        this.#waiters.delete(onEnded);
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const onElected = (leadership: Leadership): void => settle(() => resolve(leadership));
      const onEnded = (error: Error): void => settle(() => reject(error));
      const onAbort = (): void => settle(() => reject(asError(signal?.reason)));
      this.on('elected', onElected);
      this.#waiters.add(onEnded);
      signal?.addEventListener('abort', onAbort);
    });
  }

  /**
   * Ends the term and stands anew, at the end of the queue and as another candidacy; alone, it leads again in a new term.
   * The own belief in the term ends before anything is sent and never returns. The promise settles when the service has
   * answered, or the candidacy is over.
   * @throws IncumbentProblem when the service refuses for good; the candidacy is over then
   */
  stepDown(): Promise<SteppedDown> {
    if (this.#steppingDown !== undefined) return this.#steppingDown;
    const stand = this.#stand;
    if (this.#leaving.signal.aborted || !stand?.leads) return Promise.resolve({ outcome: 'not_leading' });
    const { candidateId } = stand;
    const done = (): void => void (this.#steppingDown = undefined);
    // Sends nothing in this turn; who hears of the loss and calls again finds it under way.
    this.#steppingDown = stand.stepDown(this.#cut.signal).finally(done);
    this.#tenure.renounce(candidateId, whyAsked(this.#last) ?? 'stepped_down');
    return this.#steppingDown;
  }

  /**
   * Tells how well this process is, 0 to 100; policy `health` looks at it. It travels with the next renewal in the
   * election: at once or after the answer that is held, half a TTL later at most; with a session of its own, with the
   * next renewal. Later stands of this candidacy begin with it.
   */
  reportHealth(health: number): void {
    this.#health = health;
    this.#stand?.reportHealth(health);
  }

  /**
   * Leaves the election, leading or waiting. The own belief ends before anything is sent and never returns. The
   * promise settles when the service has answered or the session must have expired. With `failed` a short term counts
   * against this candidate, as a crash would.
   */
  resign({ failed = false }: { readonly failed?: boolean } = {}): Promise<Resigned> {
    return this.#leave('resigned', failed);
  }

  /** Resigns, gives the service up to two seconds to hear it, and stops everything. Never rejects. */
  async close(): Promise<void> {
    const resigned = this.#leave('closed').catch(() => undefined);
    const late = new AbortController();
    await Promise.race([resigned, pause(this.#parts.clock, CLOSE_WITHIN_MS, late.signal)]);
    late.abort();
    this.#cut.abort();
    await this.#done;
  }

  #leave(reason: string, failed = false): Promise<Resigned> {
    this.#resigning ??= this.#resign(reason, failed);
    return this.#resigning;
  }

  async #resign(reason: string, failed: boolean): Promise<Resigned> {
    this.#leaving.abort();
    // Before anything is sent: the successor may lead as soon as the service hears of it.
    this.#tenure.renounce(this.#stand?.candidateId, 'resigned');
    this.#end(new CandidacyEnded(reason));
    try {
      return (await this.#stand?.resign(this.#cut.signal, failed)) ?? { outcome: 'resigned' };
    } finally {
      this.#parts.onEnd();
    }
  }

  async #run(): Promise<void> {
    for (let young = 0; !this.#leaving.signal.aborted;) {
      const startedMs = this.#parts.clock.monotonicMs();
      try {
        const reason = await this.#standOnce();
        this.#tenure.renounce(this.#stand?.candidateId, reason);
        if (this.#options.rejoin === false) return this.#end(new CandidacyEnded(reason));
      } catch (error) {
        if (!this.#leaving.signal.aborted) this.#fail(asError(error));
        return;
      }
      young = this.#parts.clock.monotonicMs() - startedMs < YOUNG_MS ? young + 1 : 0;
      await pause(this.#parts.clock, restandPauseMs(young, this.#parts.random()), this.#leaving.signal);
    }
  }

  #standOnce(): Promise<string> {
    const { candidate, ttlMs, address, metadata, priority } = this.#options;
    const given = Object.entries({ ttlMs, address, metadata, priority, health: this.#health }).filter(
      ([, value]) => value !== undefined,
    );
    this.#last = undefined;
    this.#stand = this.#parts.stand({
      request: { candidate, ...Object.fromEntries(given) },
      waitForName: this.#options.waitForName ?? false,
      random: this.#parts.random,
      onAnswer: (answer, sent) => this.#hear(answer, sent),
      onTrouble: (error) => this.#noteTrouble(error),
    });
    return this.#stand.run();
  }

  #hear(answer: StandAnswer, sent: Answer['sent']): void {
    if (this.#leaving.signal.aborted) return;
    this.#trouble = undefined;
    this.#tenure.settle();
    const before = this.#last;
    this.#last = answer;
    if (answer.grant !== undefined) {
      this.#inJeopardy = false;
      this.#tenure.accept(answer.grant, sent, whyAsked(before));
      if (answer.yieldByMs !== undefined && before?.yieldByMs === undefined) this.#tellYielding(answer);
      return;
    }
    if (answer.state === 'yielding') {
      // What was granted stays granted to its end; it is only not prolonged.
      if (before?.state !== 'yielding') this.#tellYielding(answer);
      return;
    }
    this.#tenure.drop(sent, answer.reason ?? (answer.state === 'out' ? 'expired' : 'superseded'));
    if (answer.state === 'waiting' && differs(before, answer)) {
      this.#tell('waiting', { position: answer.position, leader: answer.leader });
    }
  }

  #tellYielding({ yieldByMs, reason }: StandAnswer): void {
    if (this.isLeader()) this.#tell('yielding', { remainingMs: this.remainingMs(), yieldByMs, reason });
  }

  /** A service that cannot be reached takes nothing away: what was granted is this process's until its end. */
  #noteTrouble(error: Error): void {
    this.#trouble = error;
    const remainingMs = this.remainingMs();
    if (this.#inJeopardy || remainingMs === 0) return;
    this.#inJeopardy = true;
    const until = new Date(this.#parts.clock.wallTimeMs() + remainingMs);
    this.#tell('jeopardy', { error, remainingMs, until });
  }

  #lapseReason(): string {
    return this.#last?.state === 'yielding' ? (this.#last.reason ?? 'superseded') : 'unreachable';
  }

  #fail(error: Error): void {
    const deleted = error instanceof IncumbentProblem && error.code === 'election.not_found';
    this.#tenure.renounce(this.#stand?.candidateId, deleted ? 'deleted' : 'refused');
    const heard = this.#waiters.size > 0;
    this.#end(error);
    // Without a listener `error` throws, as a candidacy that died unseen should; a rejected whenElected() has seen it.
    if (!heard || this.listenerCount('error') > 0) this.#tell('error', error);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    for (const reject of [...this.#waiters]) reject(this.#ended);
  }

  /** A listener that throws must not stop the renewals; its error surfaces as an uncaught one. */
  #tell<K extends keyof CandidacyEvents>(event: K, ...payload: CandidacyEvents[K]): void {
    try {
      (this.emit as (name: K, ...args: CandidacyEvents[K]) => boolean).call(this, event, ...payload);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** Why a leader was asked to step down, or was granted nothing any more. */
function whyAsked(answer: StandAnswer | undefined): string | undefined {
  const asked = answer?.state === 'yielding' || answer?.yieldByMs !== undefined;
  return asked ? answer.reason : undefined;
}

function differs(before: StandAnswer | undefined, now: StandAnswer): boolean {
  return (
    before?.state !== now.state ||
    before.position !== now.position ||
    before.leader?.term !== now.leader?.term
  );
}
