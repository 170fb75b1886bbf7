import { GRPCInvalidArgumentError, GRPCOutOfRangeError } from 'etcd3';

/**
 * How a call ended. The difference between `refused` and `unknown` carries the safety of the whole service:
 * `refused` is claimed only where the server itself said that it did not execute the request.
 */
export type Reply<T> =
  | { kind: 'ok'; value: T }
  /** No byte of it left this process. */
  | { kind: 'unsent'; cause: unknown }
  /** The server said no: nothing was executed, and the same request will be refused again. */
  | { kind: 'refused'; cause: unknown }
  /** The server is full or busy: nothing was executed. */
  | { kind: 'overloaded'; cause: unknown }
  /** It may have been executed, and may still be. */
  | { kind: 'unknown'; cause: unknown };

const DEFINITE = [GRPCInvalidArgumentError, GRPCOutOfRangeError];

/** Answers etcd gives before it proposes anything (a gRPC code alone would not tell). */
const OVERLOADED = /etcdserver: mvcc: database space exceeded|etcdserver: too many requests/;

/** The gRPC server refuses the message before etcd sees it. */
const TOO_LARGE = /grpc: received message larger than max|etcdserver: request is too large/;

/** Classifies the error of a call that was sent. */
export function failureOf(error: unknown): Exclude<Reply<never>, { kind: 'ok' | 'unsent' }> {
  const message = error instanceof Error ? error.message : '';
  if (OVERLOADED.test(message)) return { kind: 'overloaded', cause: error };
  if (TOO_LARGE.test(message) || DEFINITE.some((type) => error instanceof type))
    return { kind: 'refused', cause: error };
  return { kind: 'unknown', cause: error };
}
