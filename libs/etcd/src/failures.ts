/**
 * How a call ended. The difference between `refused` and `unknown` carries the safety of the whole service:
 * `refused` is claimed only where the server itself said that it did not execute the request.
 */
export type Reply<T> =
  | { kind: 'ok'; value: T }
  /** The member has not begun with it and never will: it did not leave this process, or was turned away unread. */
  | { kind: 'unsent'; cause: unknown }
  /** The server said no: nothing was executed, and the same request will be refused again. */
  | { kind: 'refused'; cause: unknown }
  /** The server is full or busy: nothing was executed. */
  | { kind: 'overloaded'; cause: unknown }
  /** It may have been executed, and may still be. */
  | { kind: 'unknown'; cause: unknown };

/** The member answered a call with a gRPC status other than success. */
export class StatusError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** Thrown where it is certain that no member has begun, or will ever begin, with the request. */
export class NeverSent extends Error {}

/** INVALID_ARGUMENT and OUT_OF_RANGE: etcd gives them before it proposes anything. */
const DEFINITE = [3, 11];

/** Answers etcd gives before it proposes anything (a gRPC code alone would not tell). */
const OVERLOADED = /etcdserver: mvcc: database space exceeded|etcdserver: too many requests/;

/** The gRPC server refuses the message before etcd sees it. */
const TOO_LARGE = /grpc: received message larger than max|etcdserver: request is too large/;

/** Classifies the error of a call. What it does not know for certain is unknown. */
export function failureOf(cause: unknown): Exclude<Reply<never>, { kind: 'ok' }> {
  if (cause instanceof NeverSent) return { kind: 'unsent', cause };
  const message = cause instanceof Error ? cause.message : '';
  if (OVERLOADED.test(message)) return { kind: 'overloaded', cause };
  const definite = cause instanceof StatusError && DEFINITE.includes(cause.code);
  if (definite || TOO_LARGE.test(message)) return { kind: 'refused', cause };
  return { kind: 'unknown', cause };
}
