import { describe, expect, it } from '@jest/globals';
import { failureOf, NeverSent, StatusError } from './failures.js';

describe('the failure of a call', () => {
  it.each([
    [new NeverSent('refused'), 'unsent'],
    [new StatusError(3, 'etcdserver: duplicate key given in txn request'), 'refused'],
    [new StatusError(11, 'etcdserver: mvcc: required revision has been compacted'), 'refused'],
    [new StatusError(8, 'grpc: received message larger than max (2000035 vs. 2097152)'), 'refused'],
    [new StatusError(3, 'etcdserver: request is too large'), 'refused'],
    [new StatusError(8, 'etcdserver: mvcc: database space exceeded'), 'overloaded'],
    [new StatusError(8, 'etcdserver: too many requests'), 'overloaded'],
  ])('%s is definite where it is certain that nothing was executed', (error, kind) => {
    expect(failureOf(error)).toEqual({ kind, cause: error });
  });

  it.each([
    new StatusError(14, 'etcdserver: request timed out'),
    new StatusError(14, 'etcdserver: leader changed'),
    new StatusError(4, 'context deadline exceeded'),
    new StatusError(8, 'a proxy had enough'),
    new StatusError(13, 'internal'),
    new StatusError(2, 'unknown'),
    new StatusError(1, 'cancelled'),
    new Error('read ECONNRESET'),
    new RangeError('The answer is not exactly one message.'),
    'something else',
  ])('%s is unknown: the request may have been executed, or may be', (error) => {
    expect(failureOf(error).kind).toBe('unknown');
  });
});
