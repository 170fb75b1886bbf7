import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import type { Clock, Timer } from '#core';
import { NeverSent, StatusError } from './failures.js';
import { frame, type GrpcStatus, statusOf, unframe } from './grpc-frame.js';

/** A page of 10,000 entries is a few megabytes; more than this is not an answer of etcd. */
const MOST_REPLY_BYTES = 256 * 1_024 * 1_024;

/** No answer came in time; the request may still be executed. */
export class AnswerLate extends Error {}

/**
 * One request and its answer on an HTTP/2 stream of their own. It ends exactly once, at the latest at its deadline.
 * NeverSent is claimed only for a stream that the member has refused (REFUSED_STREAM, which is also what becomes of
 * the streams that a GOAWAY leaves out): by RFC 9113 section 8.7 no part of such a request was processed. Whatever
 * else goes wrong, the member may have read the request.
 */
export class UnaryCall {
  /** The message of the answer. Rejects with StatusError, NeverSent, AnswerLate or what broke the stream. */
  readonly answer: Promise<Buffer>;
  readonly #stream: ClientHttp2Stream;
  readonly #deadline: Timer;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #httpStatus: number | undefined;
  #status: GrpcStatus | undefined;
  #broken: Error | undefined;
  readonly #resolve: (message: Buffer) => void;
  readonly #reject: (error: Error) => void;

  constructor(stream: ClientHttp2Stream, message: Buffer, { withinMs, clock }: CallBounds) {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#stream = stream;
    this.#deadline = clock.after(withinMs, () => {
      // After a stall of this process an answer that has come is read first.
      setImmediate(() => this.#giveUp(new AnswerLate(`no answer within ${Math.round(withinMs)} ms`)));
    });
    stream.on('response', (headers: IncomingHttpHeaders) => this.#begin(headers));
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('trailers', (trailers: IncomingHttpHeaders) => {
      this.#status = statusOf(trailers) ?? this.#status;
    });
    stream.on('end', () => {
      if (this.#status) this.#settle(this.#status);
    });
    stream.on('error', (error: Error) => {
      this.#broken ??= error;
    });
    stream.on('close', () => this.#close());
    stream.end(frame(message));
  }

  #begin(headers: IncomingHttpHeaders): void {
    this.#httpStatus = Number(headers[':status']);
    // An answer without a message has everything in its first headers.
    this.#status = statusOf(headers);
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > MOST_REPLY_BYTES) this.#giveUp(new Error('the answer is too large to be one of etcd'));
  }

  #settle({ code, message }: GrpcStatus): void {
    this.#deadline.cancel();
    if (code !== 0) return this.#reject(new StatusError(code, message));
    try {
      this.#resolve(unframe(this.#chunks));
    } catch (error) {
      // It was executed, and nobody can tell with what result.
      this.#reject(error as Error);
    }
  }

  /** The stream is over; without a status nobody knows more than its reset tells. */
  #close(): void {
    if (this.#status) return this.#settle(this.#status);
    this.#deadline.cancel();
    const cause = this.#broken;
    const begun = this.#httpStatus !== undefined;
    if (!begun && isRefusal(this.#stream, cause))
      return this.#reject(new NeverSent('the member refused the stream', { cause }));
    const seen = begun ? `HTTP status ${this.#httpStatus}` : 'no answer at all';
    this.#reject(new Error(`the stream ended without a gRPC status: ${seen}`, { cause }));
  }

  #giveUp(error: Error): void {
    this.#reject(error);
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }
}

/** A connection that ends gives its streams the code of its own end: that says nothing about any of them. */
function isRefusal({ rstCode }: ClientHttp2Stream, cause: NodeJS.ErrnoException | undefined): boolean {
  return rstCode === constants.NGHTTP2_REFUSED_STREAM && cause?.code === 'ERR_HTTP2_STREAM_ERROR';
}

interface CallBounds {
  withinMs: number;
  clock: Clock;
}
