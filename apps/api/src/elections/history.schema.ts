import { z } from 'zod';
import { candidateName, metadata, nextCursor, timestamp } from '../http/fields.js';
import { candidateId, endReason, fence, shownSeat, term } from './answers.schema.js';

export const actor = z
  .object({
    type: z.enum(['api_key', 'admin_token', 'participant', 'system']),
    id: z.string(),
    name: z.string().optional(),
  })
  .meta({
    id: 'Actor',
    description:
      'Who did something: a participant by its candidateId, an operator by the id of its key or token, or the ' +
      'service itself, which ends the terms of leaders that are gone.',
  });

const pastLeader = z
  .object({
    candidate: candidateName,
    candidateId,
    address: z.string().optional(),
    metadata: metadata.optional(),
  })
  .meta({ id: 'PastLeader', description: 'Who held the term.' });

const pastTerm = z
  .object({
    seat: shownSeat,
    term,
    fence: fence.meta({ description: 'Of a term of which nothing is known, the smallest it can have had.' }),
    leader: pastLeader.nullable().meta({ description: 'Null where it cannot be proved.' }),
    startedAt: timestamp.nullable().meta({ description: 'Null where it cannot be proved.' }),
    endedAt: timestamp
      .nullable()
      .meta({ description: 'Null while the term runs, and where its end cannot be proved.' }),
    reason: endReason.nullable().meta({ description: 'Why it ended.' }),
    endedBy: actor.nullable().meta({ description: 'Who ended it.' }),
    vacancyMs: z.int().min(0).nullable().meta({
      description: 'How long nobody led before it; null for the first term and where it cannot be said.',
    }),
    reconstructed: z.boolean().meta({
      description: 'Events of this term were lost. What is there was proved by others; the rest is null.',
    }),
    missingBefore: z.int().min(1).optional().meta({
      description: 'So many terms before this one were lost, too many to be listed one by one.',
    }),
  })
  .meta({ id: 'PastTerm', description: 'One term, from its start to its end.' });

export const historyPage = z
  .object({ data: z.array(pastTerm), nextCursor })
  .meta({ id: 'HistoryPage', description: 'Terms in the order that was asked for.' });
