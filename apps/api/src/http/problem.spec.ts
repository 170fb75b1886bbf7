import { BadRequestException, NotFoundException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { IncumbentError } from '#core';
import { isFault, problemHeaders, toProblem } from './problem.js';

describe('a problem', () => {
  it('says what the error says to the caller, and nothing of its cause', () => {
    const cause = new Error('connect ECONNREFUSED 10.1.2.3:5432');
    const error = new IncumbentError('database.unavailable', 'Try again.', { cause, retryAfterMs: 1_001 });
    const problem = toProblem(error, 'req_1');
    expect(problem).toEqual({
      type: 'urn:incumbent:error:database.unavailable',
      title: 'The database cannot be reached',
      status: 503,
      detail: 'Try again.',
      code: 'database.unavailable',
      requestId: 'req_1',
      retryAfterMs: 1_001,
    });
    expect(JSON.stringify(problem)).not.toContain('10.1.2.3');
  });

  it('asks to come back in whole seconds, never too early', () => {
    const inMs = (retryAfterMs: number) =>
      problemHeaders(toProblem(new IncumbentError('store.overloaded', 'x', { retryAfterMs }), 'r'))[
        'retry-after'
      ];
    expect([inMs(1), inMs(1_000), inMs(1_001)]).toEqual(['1', '1', '2']);
  });

  it('of something unexpected tells nothing but that, and that the outcome is unknown', () => {
    for (const thrown of [new Error('secret'), 'secret', { secret: 1 }, undefined]) {
      const problem = toProblem(thrown, 'req_1');
      expect(problem).toMatchObject({ status: 500, code: 'internal.unexpected', executed: 'unknown' });
      expect(JSON.stringify(problem)).not.toContain('secret');
      expect(isFault(problem)).toBe(true);
    }
  });

  it.each([
    [new NotFoundException(), 'request.unknown_route'],
    [
      new BadRequestException('x', { cause: Object.assign(new Error('y'), { statusCode: 413 }) }),
      'request.body_too_large',
    ],
    [Object.assign(new Error('y'), { statusCode: 415 }), 'request.unsupported_media_type'],
    [Object.assign(new Error('y'), { statusCode: 414 }), 'request.invalid_path'],
  ])('of the framework becomes one of ours (%#)', (error, code) => {
    expect(toProblem(error, 'req_1').code).toBe(code);
  });

  it('asks for credentials where they are missing', () => {
    const problem = toProblem(new IncumbentError('identity.unauthenticated', 'x'), 'r');
    expect(problemHeaders(problem)['www-authenticate']).toMatch(/^Bearer/);
  });

  it('of an election that is hidden reads like one that is absent', () => {
    const texts = ['hidden', 'absent'].map((text) =>
      toProblem(new IncumbentError('election.not_found', text), 'r'),
    );
    expect(texts[0]).toEqual(texts[1]);
  });
});
