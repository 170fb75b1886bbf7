import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { fence, shownSeat, term } from '../elections/answers.schema.js';
import { candidateName, electionName, timestamp } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';

const tag = 'Fencing';

const jwks = z
  .object({
    keys: z.array(z.object({ kty: z.string(), kid: z.string(), alg: z.string(), use: z.string() }).loose()),
  })
  .meta({ id: 'Jwks', description: 'JSON Web Key Set (RFC 7517).' });

export const getJwks = {
  id: 'getJwks',
  method: RequestMethod.GET,
  path: '/.well-known/jwks.json',
  tag,
  summary: 'Public keys of the fencing tokens',
  description:
    'Verify with the algorithm of the key, never with that of the token. A key is published before it signs and ' +
    'stays until its last token has expired.',
  access: 'public',
  answers: {
    200: {
      description: 'The keys.',
      mediaType: 'application/jwk-set+json',
      schema: jwks,
      headers: { ETag: 'Changes with the set of keys.', 'Cache-Control': 'Five minutes.' },
      examples: {
        keys: {
          keys: [{ kty: 'EC', kid: 'q1w2', alg: 'ES256', use: 'sig', crv: 'P-256', x: '...', y: '...' }],
        },
      },
    },
    304: { description: 'Not changed since the ETag in If-None-Match.' },
  },
  errors: ['database.unavailable'],
} as const satisfies OperationSpec;

const verdict = z
  .object({
    valid: z.boolean(),
    reason: z
      .enum(['malformed', 'bad_signature', 'unknown_election', 'superseded', 'expired'])
      .optional()
      .meta({
        description:
          'Why it is not valid; the first that applies, in this order. `superseded`: its term is not the current one ' +
          'any more. `expired`: its term still is, only the token is too old. The token of another tenant is ' +
          '`unknown_election`.',
      }),
    election: electionName.optional(),
    candidate: candidateName.optional(),
    seat: shownSeat.optional(),
    term: term.optional(),
    fence: fence.optional(),
    currentFence: fence
      .optional()
      .meta({ description: 'Fence of the running or the last term of the seat.' }),
    expiresAt: timestamp.optional().meta({ description: 'When the token expires.' }),
  })
  .meta({ id: 'TokenVerdict' });

export const validateFencingToken = {
  id: 'validateFencingToken',
  method: RequestMethod.POST,
  path: '/v1/fencing-tokens/validate',
  tag,
  summary: 'Is the term of this token the current one?',
  description:
    'Checks the signature and asks the election itself: `valid` means that at some instant between request and ' +
    'answer the term of the token was the current term. It may end a moment later; a resource that can compare ' +
    'fences should do that as well. A bad token is an answer, not an error.',
  access: 'elections:read',
  body: z
    .strictObject({ token: z.string().min(1).max(8_192).meta({ description: 'A `fencingToken`.' }) })
    .meta({
      id: 'ValidateTokenRequest',
      examples: [{ token: 'eyJhbGciOiJFUzI1NiJ9.eyJmZW5jZSI6N30.c2lnbmF0dXJl' }],
    }),
  answers: {
    200: {
      description: 'The verdict.',
      schema: verdict,
      examples: {
        valid: {
          valid: true,
          election: 'billing',
          candidate: 'billing-7f9c-1',
          seat: 0,
          term: 7,
          fence: 7,
          currentFence: 7,
          expiresAt: '2026-11-21T10:30:00.000Z',
        },
        superseded: {
          valid: false,
          reason: 'superseded',
          election: 'billing',
          candidate: 'billing-7f9c-1',
          seat: 0,
          term: 7,
          fence: 7,
          currentFence: 8,
          expiresAt: '2026-11-21T10:30:00.000Z',
        },
        forged: { valid: false, reason: 'bad_signature' },
      },
    },
  },
  errors: ['store.unavailable', 'store.overloaded'],
} as const satisfies OperationSpec;
