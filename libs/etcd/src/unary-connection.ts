import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { type Clock, systemClock, type Timer } from '#core';
import { NeverSent, StatusError } from './failures.js';
import { UnaryCall } from './unary-call.js';

/** How long it may take until the member has spoken: TCP, TLS and its settings. A lost SYN is tried anew after it. */
const CONNECT_MS = 2_000;
/**
 * A connection on which nothing was heard for this long is asked for a sign of life. etcd ends connections that ping
 * more often than every 5 s. Calls notice a dead peer sooner, by their deadlines; this is for connections that wait.
 */
const QUIET_MS = 10_000;
const PONG_MS = 2_000;

/** A window of one page, so that a page is not sent by pieces of 64 kB with a round trip between them. */
const STREAM_WINDOW_BYTES = 4 * 1_024 * 1_024;
const CONNECTION_WINDOW_BYTES = 16 * 1_024 * 1_024;

/** The fields that every request has. */
const REQUEST = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' } as const;

/** One HTTP/2 connection to one etcd member, from the attempt to connect to its end. */
export class UnaryConnection {
  /** Whether the connection came to stand. A peer that accepts and never speaks does not count: it may be frozen. */
  readonly up: Promise<boolean>;
  readonly #session: ClientHttp2Session;
  readonly #clock: Clock;
  #isUp = false;
  #retired = false;
  #underWay = 0;
  #heardMs: number;
  #timer: Timer;

  /** Begins to connect. @throws TypeError for an address that is none */
  constructor(address: string, clock: Clock = systemClock) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.up = promise;
    this.#clock = clock;
    this.#heardMs = clock.monotonicMs();
    this.#session = connect(address, {
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
      // What is under way is bounded by the group commit; by default large pages would be cut off.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
    });
    this.#timer = clock.after(CONNECT_MS, () => this.destroy());
    this.#session.once('remoteSettings', () => {
      this.#isUp = true;
      this.#session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      this.#hear();
      resolve(true);
    });
    this.#session.on('goaway', () => this.retire());
    // 'close' follows, and tells the same.
    this.#session.on('error', () => undefined);
    this.#session.once('close', () => {
      this.#retired = true;
      this.#timer.cancel();
      resolve(false);
    });
  }

  /** Whether a call may be made now. */
  get isUp(): boolean {
    return this.#isUp && !this.isOver;
  }

  /** Whether it takes no calls any more. */
  get isOver(): boolean {
    return this.#retired || this.#session.closed || this.#session.destroyed;
  }

  /** Makes one call, of at most `withinMs`. Rejects as UnaryCall does. */
  async call(method: string, message: Buffer, withinMs: number): Promise<Buffer> {
    const call = new UnaryCall(this.#open(method, withinMs), message, { withinMs, clock: this.#clock });
    this.#underWay += 1;
    try {
      const answer = await call.answer;
      this.#heardMs = this.#clock.monotonicMs();
      return answer;
    } catch (error) {
      // Perhaps nobody is there any more, or no stream can be opened any more: a connection has ids for 2^30 of them.
      // The next call goes by a new connection, which finds out.
      if (!(error instanceof StatusError || error instanceof NeverSent)) this.retire();
      throw error;
    } finally {
      this.#underWay -= 1;
      if (this.#retired && this.#underWay === 0) this.destroy();
    }
  }

  /** Takes no new calls; ends when those under way have ended, which their deadlines bound. */
  retire(): void {
    this.#retired = true;
    if (this.#underWay === 0) this.destroy();
  }

  /** Ends it at once, and with it all calls under way: what becomes of them is unknown. */
  destroy(): void {
    this.#session.destroy();
  }

  #open(method: string, withinMs: number): ClientHttp2Stream {
    if (!this.isUp) throw new NeverSent('the connection does not stand');
    try {
      return this.#session.request({
        ...REQUEST,
        ':path': `/etcdserverpb.${method}`,
        'grpc-timeout': `${Math.max(1, Math.round(withinMs))}m`,
      });
    } catch (cause) {
      throw new NeverSent('the connection takes no calls any more', { cause });
    }
  }

  #hear(): void {
    this.#heardMs = this.#clock.monotonicMs();
    this.#timer.cancel();
    this.#timer = this.#clock.after(QUIET_MS, () => this.#listen());
  }

  /** Asks for a sign of life where none came by itself. */
  #listen(): void {
    const quietMs = this.#clock.monotonicMs() - this.#heardMs;
    if (this.isOver) return;
    if (quietMs < QUIET_MS) {
      this.#timer = this.#clock.after(QUIET_MS - quietMs, () => this.#listen());
      return;
    }
    let answered = false;
    this.#session.ping((error) => {
      answered = true;
      if (!error) this.#hear();
    });
    this.#timer = this.#clock.after(PONG_MS, () => {
      // After a stall of this process an answer that has come is read first.
      setImmediate(() => {
        if (!answered) this.destroy();
      });
    });
  }
}
