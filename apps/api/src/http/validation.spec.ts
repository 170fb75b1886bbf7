import { describe, expect, it } from '@jest/globals';
import { IncumbentError } from '#core';
import { z } from 'zod';
import { campaign } from '../elections/campaign.operations.js';
import { newElection } from '../elections/settings.schema.js';
import { stepDownRequest, transferRequest } from '../elections/hand-overs.schema.js';
import { page } from './fields.js';
import { parse } from './validation.js';

function messagesOf(schema: z.ZodType, value: unknown): Record<string, string> {
  try {
    parse(schema, value, 'request.invalid_body');
  } catch (error) {
    if (!(error instanceof IncumbentError)) throw error;
    return Object.fromEntries((error.extras.errors ?? []).map(({ pointer, message }) => [pointer, message]));
  }
  return {};
}

describe('the message of a field that does not fit', () => {
  it.each([
    [{ candidate: 'a', ttlMs: 999 }, { '/ttlMs': 'Must be at least 1000.' }],
    [{ candidate: 'a', ttlMs: 900_001 }, { '/ttlMs': 'Must be at most 900000.' }],
    [{ candidate: 'a', health: -1 }, { '/health': 'Must be at least 0.' }],
    [{ candidate: 'a', waitMs: 1e300 }, { '/waitMs': 'Must be at most 450000.' }],
    [{ candidate: 'a', ttlMs: '5000' }, { '/ttlMs': 'Must be a whole number, not a string.' }],
    [{ candidate: 'a', ttlMs: 1_000.5 }, { '/ttlMs': 'Must be a whole number, not a fraction.' }],
    [{ candidate: 'a', ttlMs: null }, { '/ttlMs': 'Must be a whole number, not null.' }],
    [{ candidate: 7 }, { '/candidate': 'Must be a text, not a number.' }],
    [{}, { '/candidate': 'Is required.' }],
    [{ candidate: 'a', address: '' }, { '/address': 'Must have at least 1 character.' }],
    [{ candidate: 'a', address: 'x'.repeat(513) }, { '/address': 'Must have at most 512 characters.' }],
    [{ candidate: 'a', metadata: [] }, { '/metadata': 'Must be an object, not a list.' }],
    [[], { '': 'Must be an object, not a list.' }],
  ])('tells of %j what would fit', (body, told) => {
    expect(messagesOf(campaign.body, body)).toEqual(told);
  });

  it('names what may be chosen, and what is missing of a hand-over', () => {
    expect(messagesOf(newElection, { name: 'a', policy: 'random', preemption: 'yes', seats: 0 })).toEqual({
      '/policy': 'Must be one of "fifo", "priority", "rotation", "sticky", "health", "manual".',
      '/preemption': 'Must be true or false, not a string.',
      '/seats': 'Must be at least 1.',
    });
    expect(messagesOf(transferRequest, { dryRun: true })).toEqual({
      '/mode': 'Is required.',
      '/to': 'Is required.',
      '/expectedTerm': 'Is required.',
    });
    expect(messagesOf(transferRequest, { mode: 'graceful', to: 'b', expectedTerm: -1 })).toEqual({
      '/expectedTerm': 'Must be at least 0.',
    });
  });

  it('is that of the shape that was meant', () => {
    expect(messagesOf(stepDownRequest, { mode: 'graceful' })).toEqual({ '/expectedTerm': 'Is required.' });
  });

  it('tells of a number in a query which bound it is beyond', () => {
    expect(messagesOf(page, { limit: '101' })).toEqual({ '/limit': 'Must be at most 100.' });
    expect(messagesOf(page, { limit: '-1' })).toEqual({
      '/limit': 'Must be a whole number written in digits.',
    });
  });

  it('names what has to be, where only one thing may be', () => {
    const literal = z.strictObject({ retireSeats: z.literal(true).optional() });
    expect(messagesOf(literal, { retireSeats: false })).toEqual({ '/retireSeats': 'Must be true.' });
  });

  it('of a list tells how many it may hold, and which of them does not fit', () => {
    const list = z.strictObject({
      events: z
        .array(z.enum(['a', 'b']))
        .min(1)
        .max(2),
    });
    expect(messagesOf(list, { events: [] })).toEqual({ '/events': 'Must have at least 1 item.' });
    expect(messagesOf(list, { events: ['a', 'c'] })).toEqual({ '/events/1': 'Must be one of "a", "b".' });
  });
});
