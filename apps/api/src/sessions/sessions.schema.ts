import { z } from 'zod';
import { candidateId, endReason, fence, sessionToken, term } from '../elections/answers.schema.js';
import { candidateName, electionName, timestamp } from '../http/fields.js';
import { timing } from '../timing/timing.schema.js';

/** What calls on sessions answer. Answers stay open: fields may be added, none changes its meaning. */

const sessionFields = {
  session: sessionToken,
  ttlMs: z.int().meta({ description: 'Time to live of the session; it never changes.', examples: [10_000] }),
  renewAfterMs: z
    .int()
    .meta({ description: 'When to renew next, counted from the answer.', examples: [3_333] }),
  validForMs: z.int().meta({
    description: 'How long the session lives at least, counted from the moment the caller SENT this request.',
    examples: [9_800],
  }),
  serverTime: timestamp,
};

export const openSession = z
  .object(sessionFields)
  .meta({ id: 'Session', description: 'A session that lives, and stands nowhere yet.' });

const ledTerm = z
  .object({
    election: electionName,
    candidate: candidateName,
    candidateId,
    seat: z.int().min(0).meta({ description: 'Which leadership of the election; 0 where there is one.' }),
    state: z.enum(['leader', 'yielding']).meta({
      description:
        '`leader`: the caller leads for `validForMs` from the moment it sent this request. `yielding`: the term is being ' +
        'ended; what was granted holds to its end, nothing more is granted, so finish and resign.',
    }),
    term,
    fence,
    fencingToken: z.string().optional().meta({
      description:
        'Signed proof of the fence (JWT). If it is missing while leading, it follows with a later renew.',
    }),
    validForMs: z
      .int()
      .optional()
      .meta({
        description:
          'How long the caller may act as leader, counted from the moment it SENT this request on its own monotonic ' +
          'clock. The safety margin is already taken. Absent while yielding.',
        examples: [9_800],
      }),
    reason: endReason
      .optional()
      .meta({ description: 'Why the term is being ended, or the leader asked to step down.' }),
    yieldByMs: z
      .int()
      .min(0)
      .optional()
      .meta({
        description:
          'The leader is asked to step down: it leads on, for so long from this answer. Then the term yields.',
        examples: [10_000],
      }),
  })
  .meta({ id: 'LedTerm', description: 'A term that the session leads.' });

export const renewedSession = z
  .object({
    ...sessionFields,
    terms: z.array(ledTerm).meta({
      description:
        'Every term that the session leads, in no order. A term that began a moment ago may follow with the next answer; ' +
        'one that is over is never told.',
    }),
    candidacies: z
      .int()
      .min(0)
      .meta({ description: 'In how many elections the session stands, leading or waiting, as last seen.' }),
    timing: timing.optional().meta({ description: 'Only where it was asked for.' }),
  })
  .meta({ id: 'RenewedSession', description: 'The session lives on, and this is what it leads.' });

export const endedSession = z
  .object({ state: z.literal('ended'), serverTime: timestamp })
  .meta({ id: 'EndedSession', description: 'The session is gone, and stands nowhere.' });
