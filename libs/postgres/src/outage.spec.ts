import { describe, expect, it } from '@jest/globals';
import { IncumbentError } from '#core';
import { databaseUnavailable, failureOf } from './outage.js';

const failing = (code: string): Error => Object.assign(new Error('failed'), { code });

describe('outage', () => {
  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'ETIMEDOUT',
    'ENOTFOUND',
    '08006',
    '28P01',
    '3D000',
    '53300',
    '57P01',
    '25006',
  ])('takes %s for a server that cannot be used', (code) => expect(failureOf(failing(code))).toBe('server'));

  it.each(['57014', '55P03', '42P01'])(
    'takes %s for the failure of one statement, not of the server',
    (code) => expect(failureOf(failing(code))).toBe('statement'),
  );

  it.each(['23505', '23503', '22P02', '42703', '40001', ''])(
    'takes %s for no outage: the caller has to know',
    (code) => expect(failureOf(failing(code))).toBe('none'),
  );

  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'Query read timeout',
  ])('knows the driver by its words: %s', (message) => expect(failureOf(new Error(message))).toBe('server'));

  it('takes a pool that is used up for no outage of the server', () =>
    expect(failureOf(new Error('timeout exceeded when trying to connect'))).toBe('statement'));

  it('looks into the failures of every address of a name', () => {
    expect(failureOf(new AggregateError([failing('ECONNREFUSED'), failing('ECONNREFUSED')]))).toBe('server');
    expect(failureOf(new AggregateError([new Error('other')]))).toBe('none');
  });

  it('lets a refusal of ours pass as it is, although a transaction carried it', () => {
    expect(failureOf(new IncumbentError('store.unavailable', 'no', { cause: failing('ECONNREFUSED') }))).toBe(
      'none',
    );
    expect(failureOf('text')).toBe('none');
  });

  it('tells the caller when to come back and nothing about the inside', () => {
    const error = databaseUnavailable(failing('ECONNREFUSED'));
    expect(error).toMatchObject({
      code: 'database.unavailable',
      status: 503,
      extras: { retryAfterMs: 1_000 },
    });
    expect(error.message).not.toMatch(/ECONNREFUSED|postgres/i);
  });
});
