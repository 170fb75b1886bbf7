import { LiveSession } from './live-session.js';
import { joinTimeoutMs, retryCapMs, USUAL_TTL_MS } from './pace.js';
import { pursue } from './pursuit.js';
import type { Transport } from './transport.js';
import { readSessionAnswer } from './wire.js';

/** A session that is being made, and those who wait for it. */
interface Making {
  readonly session: Promise<LiveSession>;
  readonly cut: AbortController;
  /** Each is told of every try that failed. */
  readonly waiting: Set<(error: Error) => void>;
}

/**
 * The session that the candidacies of a client share: made when the first needs it, made anew when the service has
 * ended it, and ended when the last candidacy has left.
 */
export class SharedSession {
  readonly ttlMs: number;
  readonly #transport: Transport;
  readonly #random: () => number;
  /** Elections in which a candidacy of this client uses it; each has one at most, as the service has it. */
  readonly #users = new Set<string>();
  #live: LiveSession | undefined;
  /** Whether the service has heard of the ends of all that lived before. */
  #ended = Promise.resolve(true);
  #making: Making | undefined;

  constructor(transport: Transport, ttlMs: number | undefined, random: () => number) {
    this.#transport = transport;
    this.#random = random;
    this.ttlMs = ttlMs ?? USUAL_TTL_MS;
  }

  /** Takes the place of `election`; undefined if another candidacy has it. The returned function gives it back. */
  reserve(election: string): (() => void) | undefined {
    if (this.#users.has(election)) return undefined;
    this.#users.add(election);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#users.delete(election);
      if (this.#users.size === 0) void this.close();
    };
  }

  /**
   * The session that lives, made if there is none.
   * @throws IncumbentProblem when the service refuses for good to make one, Unreachable when `close` cut the making
   */
  async live(onTrouble: (error: Error) => void): Promise<LiveSession> {
    if (this.#live?.end === undefined && this.#live !== undefined) return this.#live;
    const making = (this.#making ??= this.#make());
    making.waiting.add(onTrouble);
    return await making.session;
  }

  /**
   * Ends the session at the service, and with it what stands with it. Sends nothing in the turn in which it is called.
   * Never rejects; resolves with whether the service has heard it, and the ends of those before it.
   */
  async close(): Promise<boolean> {
    // Nobody stands with a session that is only being made; if it was made all the same, it is not renewed.
    this.#making?.cut.abort();
    this.#making = undefined;
    const live = this.#live;
    this.#live = undefined;
    if (live) this.#ended = bothOf(this.#ended, live.close());
    return await this.#ended;
  }

  #make(): Making {
    const cut = new AbortController();
    const waiting: Making['waiting'] = new Set();
    const onTrouble = (error: Error): void => {
      for (const tell of [...waiting]) tell(error);
    };
    const session = this.#open(cut.signal, onTrouble).finally(() => {
      if (this.#making?.cut === cut) this.#making = undefined;
    });
    return { session, cut, waiting };
  }

  /** The key makes a repeat find the session that a lost answer has made. */
  async #open(signal: AbortSignal, onTrouble: (error: Error) => void): Promise<LiveSession> {
    const call = {
      method: 'POST',
      path: '/v1/sessions',
      body: { ttlMs: this.ttlMs },
      headers: { 'idempotency-key': globalThis.crypto.randomUUID() },
    } as const;
    const { body, sent } = await pursue(this.#transport, {
      plan: () => ({ call, timeoutMs: joinTimeoutMs(this.ttlMs) }),
      signal,
      check: (answer) => void readSessionAnswer(answer.body),
      retryCapMs: () => retryCapMs(this.ttlMs, false),
      random: this.#random,
      onTrouble,
    });
    const live = new LiveSession(this.#transport, readSessionAnswer(body), sent, this.#random);
    // Made in the very moment in which it was given up.
    if (signal.aborted) void live.close();
    signal.throwIfAborted();
    this.#live = live;
    return live;
  }
}

async function bothOf(one: Promise<boolean>, other: Promise<boolean>): Promise<boolean> {
  return (await one) && (await other);
}
