import { Agent, type Dispatcher } from 'undici';
import type { Clock, Timer } from '#core';
import { AddressRefused, type GuardedConnectOptions, guardedConnector } from './guarded-connect.js';
import { wordsOf } from './send-failure.js';

/** Of an answer's body: kept for the record of attempts, and read at all. Bytes. */
const KEEP_BODY = 4 * 1024;
const READ_BODY = 64 * 1024;
/** After the status: the body is only for the record, and a lane waits meanwhile. */
const BODY_WITHIN_MS = 2_000;
/** Of all headers of an answer, enforced by the parser. Bytes. */
const MOST_HEADER_BYTES = 16 * 1024;
/** Of the headers that are kept for the record. */
const KEEP_HEADERS = 40;
const KEEP_HEADER_LENGTH = 512;
/** How long an unused connection stays open: a burst of changes shares it, an idle endpoint costs nothing. */
const KEEP_ALIVE_MS = 4_000;
const LONGEST_KEEP_ALIVE_MS = 15_000;
/** However busy a connection is, its host is resolved and judged again after so long. */
const CONNECTION_LIFE_MS = 5 * 60_000;

export interface Outgoing {
  url: string;
  headers: Record<string, string>;
  /** The exact bytes that were signed. */
  body: Buffer;
  /** From the call to the status of the answer. */
  timeoutMs: number;
  /** Gives the attempt up: its outcome stays unknown. */
  signal?: AbortSignal;
}

interface Timing {
  /** Until the request was on its way; null if it never was. */
  connectMs: number | null;
  durationMs: number;
}

export type Answer = Timing &
  (
    | { status: number; headers: Record<string, string>; body: string; error: null }
    /** No answer came; why, in words for the tenant. */
    | { status: null; error: string }
  );

export interface GuardedAgentOptions extends GuardedConnectOptions {
  allowHttp: boolean;
}

/**
 * Sends requests to URLs that tenants chose. It follows no redirect, reads a bounded part of the answer, and ends in
 * bounded time whatever the receiver does; where it may connect to, see `guardedConnector`.
 *
 * The status is the answer: a body that is too long or too slow is cut off and changes nothing about it.
 */
export class GuardedAgent {
  private readonly agent: Agent;

  constructor(
    private readonly options: GuardedAgentOptions,
    private readonly clock: Clock,
  ) {
    this.agent = new Agent({
      connect: guardedConnector(options),
      pipelining: 1,
      maxHeaderSize: MOST_HEADER_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: LONGEST_KEEP_ALIVE_MS,
      clientTtl: CONNECTION_LIFE_MS,
      // The deadline of the whole attempt bounds both.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Posts once; never rejects. */
  async post(outgoing: Outgoing): Promise<Answer> {
    const exchange = new Exchange(outgoing, this.clock);
    const url = URL.parse(outgoing.url);
    if (url?.protocol === 'https:' || (url?.protocol === 'http:' && this.options.allowHttp)) {
      const { body, headers } = outgoing;
      const path = `${url.pathname}${url.search}`;
      this.agent.dispatch({ origin: url.origin, path, method: 'POST', headers, body }, exchange);
    } else exchange.onResponseError(null, new AddressRefused());
    return exchange.answer;
  }

  /** Cuts off what is still open. */
  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

/** One request and what came of it. Everything after the first end is ignored. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<Answer>;
  private readonly settled = Promise.withResolvers<Answer>();
  private readonly beginMs: number;
  private readonly chunks: Buffer[] = [];
  private readonly onAbort = (): void => this.fail('The attempt was cut off.');
  private timer: Timer;
  private read = 0;
  private connectMs: number | null = null;
  private head: { status: number; headers: Record<string, string> } | undefined;
  private controller: Dispatcher.DispatchController | undefined;
  private over = false;

  constructor(
    private readonly outgoing: Outgoing,
    private readonly clock: Clock,
  ) {
    this.answer = this.settled.promise;
    this.beginMs = clock.monotonicMs();
    const seconds = Math.round(outgoing.timeoutMs / 1000);
    this.timer = clock.after(outgoing.timeoutMs, () =>
      this.fail(`No answer came within ${seconds} seconds.`),
    );
    outgoing.signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.over) controller.abort(new Error('too late'));
    else this.connectMs = this.elapsedMs();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // 1xx tell of an answer to come.
    if (status < 200 || this.over) return;
    this.head = { status, headers: keptHeaders(headers) };
    this.timer.cancel();
    this.timer = this.clock.after(BODY_WITHIN_MS, () => this.finish());
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.over) return;
    if (this.read < KEEP_BODY) this.chunks.push(Buffer.from(chunk.subarray(0, KEEP_BODY - this.read)));
    this.read += chunk.length;
    if (this.read > READ_BODY) this.finish();
  }

  onResponseEnd(): void {
    // Complete: the connection can be used again.
    this.controller = undefined;
    this.finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.head) this.finish();
    else this.fail(wordsOf(error));
  }

  private finish(): void {
    if (!this.head) return;
    const body = Buffer.concat(this.chunks).toString('utf8').replaceAll('\0', '\uFFFD');
    this.end({ ...this.timing(), ...this.head, body, error: null });
  }

  private fail(error: string): void {
    if (this.head) this.finish();
    else this.end({ ...this.timing(), status: null, error });
  }

  private end(answer: Answer): void {
    if (this.over) return;
    this.over = true;
    this.timer.cancel();
    this.outgoing.signal?.removeEventListener('abort', this.onAbort);
    this.settled.resolve(answer);
    // Ends the connection: what else it would bring is not wanted.
    this.controller?.abort(new Error('the rest of the answer is not wanted'));
  }

  private timing(): Timing {
    return { connectMs: this.connectMs, durationMs: this.elapsedMs() };
  }

  private elapsedMs(): number {
    return Math.round(this.clock.monotonicMs() - this.beginMs);
  }
}

function keptHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const kept = Object.entries(headers).slice(0, KEEP_HEADERS);
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value).slice(0, KEEP_HEADER_LENGTH)]));
}
