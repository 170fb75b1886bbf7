import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { candidateName, electionName, LONGEST_TTL_MS, metadata, moment, ttlMs } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { adviceHeaders, timingExample, timingFields } from '../timing/timing.schema.js';
import { candidateId, resignation, sessionToken, standing } from './answers.schema.js';
import { leaderExample, leadingExample, outExample, resignationExample, waitingExample } from './examples.js';

const tag = 'Standing';
const params = z.strictObject({ name: electionName });

const waitMs = z
  .int()
  .min(0)
  .max(LONGEST_TTL_MS / 2);

/** Beyond what any scheme of ranks needs, and small enough to read. */
const MOST_PRIORITY = 1_000;

export const priority = z
  .int()
  .min(-MOST_PRIORITY)
  .max(MOST_PRIORITY)
  .meta({ description: 'Looked at by policy `priority`: the highest is next. 0 if absent.', examples: [10] });

export const priorityExpiresAt = moment.meta({
  description: 'From then on the priority counts as 0. RFC 3339.',
});

const health = z
  .int()
  .min(0)
  .max(100)
  .meta({ description: 'How well the participant is; looked at by policy `health`. 100 if never told.' });

export const campaign = {
  id: 'campaign',
  method: RequestMethod.POST,
  path: '/v1/elections/{name}/campaign',
  tag,
  summary: 'Stand for leadership',
  description:
    'Makes the caller a candidate. It leads at once if nobody else does, else it waits in the queue. Losing is not ' +
    'an error. Repeated with the same `session` or the same `Idempotency-Key` the call finds its candidacy and is ' +
    'answered afresh, so a lost reply is harmless; an `Idempotency-Key` stands for one process. With `waitMs` the ' +
    'answer is held until the caller leads or the time has passed.',
  access: 'elections:campaign',
  params,
  headers: z.strictObject({
    'idempotency-key': z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/, 'Must be 1 to 255 visible ASCII characters.')
      .optional()
      .meta({ description: 'Names this stand; choose a new one for each process, a UUID for example.' }),
  }),
  body: z
    .strictObject({
      candidate: candidateName,
      ttlMs: ttlMs.optional().meta({
        description:
          "Time to live of the session, 1 s to 15 min and at most the election's `maxTtlMs`; its `ttlMs` if absent.",
      }),
      session: sessionToken.optional(),
      address: z
        .string()
        .min(1)
        .max(512)
        .optional()
        .meta({ description: 'Where others can reach the candidate.' }),
      metadata: metadata.optional(),
      priority: priority.optional(),
      priorityExpiresAt: priorityExpiresAt.optional(),
      health: health.optional(),
      waitMs: waitMs
        .optional()
        .meta({ description: 'Hold the answer until the caller leads; at most half of its ttlMs.' }),
    })
    .meta({
      id: 'CampaignRequest',
      examples: [
        { candidate: leaderExample.candidate, ttlMs: 10_000, address: leaderExample.address },
        { candidate: waitingExample.candidate, priority: 10, health: 95 },
      ],
    }),
  answers: {
    200: { description: 'The caller leads.', schema: standing, examples: { leader: leadingExample } },
    202: { description: 'The caller waits.', schema: standing, examples: { waiting: waitingExample } },
  },
  errors: [
    'election.not_found',
    'election.closing',
    'election.candidate_taken',
    'session.unknown',
    'session.expired',
    'session.ttl_fixed',
    'session.already_standing',
    'limit.quota_exceeded',
    'store.unavailable',
    'store.overloaded',
  ],
} as const satisfies OperationSpec;

export const renew = {
  id: 'renew',
  method: RequestMethod.POST,
  path: '/v1/elections/{name}/renew',
  tag,
  summary: 'Renew the session and learn how one stands',
  description:
    'Extends the session by its `ttlMs` and answers from that very transition. Send it every `renewAfterMs`, as ' +
    'leader and while waiting: promotion is told here, and so is the request to step down (`yieldByMs`). With `waitMs` ' +
    'it renews, holds the answer of one who waits until something changes for it, and then answers from a fresh ' +
    'transition; a leader is answered at once, unless it says which `term` it knows of.',
  access: 'elections:campaign',
  evenSuspended: true,
  renews: true,
  params,
  body: z
    .strictObject({
      session: sessionToken,
      waitMs: waitMs
        .optional()
        .meta({ description: 'Hold the answer until something changes; at most half of the ttlMs.' }),
      term: z
        .int()
        .min(1)
        .optional()
        .meta({
          description:
            'The term that the caller knows it leads: with `waitMs` the answer of a leader is held as well, until ' +
            'something changes for it, being asked to step down for example.',
        }),
      health: health.optional(),
      ...timingFields,
    })
    .meta({ id: 'RenewRequest', examples: [{ session: leadingExample.session }] }),
  answers: {
    200: {
      description: 'How the caller stands.',
      headers: adviceHeaders,
      schema: standing,
      examples: {
        leader: leadingExample,
        waiting: waitingExample,
        out: outExample,
        timed: { ...leadingExample, timing: timingExample },
      },
    },
  },
  errors: [
    'election.not_found',
    'session.unknown',
    'session.expired',
    'store.unavailable',
    'store.overloaded',
  ],
} as const satisfies OperationSpec;

export const resign = {
  id: 'resign',
  method: RequestMethod.POST,
  path: '/v1/elections/{name}/resign',
  tag,
  summary: 'End a candidacy, leading or waiting',
  description:
    'Ends the candidacy `candidateId`. If it leads, the next in line leads with the same commit. Stop acting as ' +
    'leader before you send it: no answer that names this candidacy grants again. Repeating it is harmless.',
  access: 'elections:campaign',
  evenSuspended: true,
  renews: true,
  params,
  body: z
    .strictObject({
      session: sessionToken,
      candidateId,
      failed: z.boolean().optional().meta({
        description: 'The participant could not do the work: a short term counts against it (`shortTermMs`).',
      }),
    })
    .meta({
      id: 'ResignRequest',
      examples: [{ session: leadingExample.session, candidateId: leadingExample.candidateId }],
    }),
  answers: {
    200: { description: 'The caller is out.', schema: resignation, examples: { out: resignationExample } },
  },
  errors: ['election.not_found', 'session.unknown', 'store.unavailable', 'store.overloaded'],
} as const satisfies OperationSpec;
