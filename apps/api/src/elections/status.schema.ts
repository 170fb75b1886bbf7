import { z } from 'zod';
import { candidateName, nextCursor, timestamp } from '../http/fields.js';
import { candidateFields, endReason, fence, leader, leadership, shownSeat, term } from './answers.schema.js';
import { handOver } from './hand-overs.schema.js';
import { electionState, pinned } from './settings.schema.js';

/** What is shown of an election and of those who stand in it. */

const lastTerm = z
  .object({
    term,
    fence,
    leader: candidateName,
    reason: endReason.optional().meta({ description: 'Why it ended; absent while it runs.' }),
    since: timestamp,
    endedAt: timestamp.optional(),
  })
  .meta({ id: 'LastTerm', description: 'The running or the last term of a seat.' });

const seatStatus = z
  .object({
    seat: shownSeat,
    leader: leader.nullable(),
    lastTerm: lastTerm.nullable(),
    yielding: z
      .object({
        reason: endReason,
        since: timestamp,
        withheld: z.boolean().meta({
          description: 'False: the leader is asked and leads on. True: it gets no grant any more.',
        }),
      })
      .optional()
      .meta({ description: 'The term is being ended.' }),
    takeoverAt: timestamp.optional().meta({
      description: 'After a crash: when others than the last leader may have the seat (`takeoverDelayMs`).',
    }),
    handOver: handOver.optional().meta({ description: 'The last hand-over of the seat, under way or over.' }),
  })
  .meta({ id: 'SeatStatus', description: 'One leadership of the election.' });

const heldBack = z
  .object({
    since: timestamp,
    until: timestamp
      .nullable()
      .meta({ description: 'Null: until an operator lifts it with DELETE .../quarantine.' }),
    shortTerms: z.int().min(0).meta({ description: 'So many short terms in a row are behind it.' }),
  })
  .meta({ id: 'HeldBack', description: 'What keeps a candidate from being elected.' });

export const status = leadership
  .extend({
    state: electionState,
    candidateCount: z.int().meta({ description: 'How many stand, the leaders included.' }),
    since: timestamp
      .nullable()
      .meta({ description: 'When the running term of the first seat began, or the last one ended.' }),
    lastTerm: lastTerm.nullable(),
    seats: z.array(seatStatus).meta({
      description: 'Every seat, and those above a lowered `seats` that are still led.',
    }),
    pinned,
    heldBack: z.array(heldBack.extend({ candidate: candidateName })).meta({
      description: 'Names that may not be elected, whether or not they stand; at most 100 of them.',
    }),
  })
  .meta({
    id: 'ElectionStatus',
    description: 'The election at a glance. `leader`, `term` and `fence` are those of seat 0.',
  });

export const queuedCandidate = z
  .object({
    ...candidateFields,
    state: z.enum(['leader', 'waiting']),
    seat: shownSeat.optional().meta({ description: 'The seat that it leads.' }),
    position: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'Place in the queue, 1 is next. Absent for leaders.' }),
    priority: z.int().optional(),
    priorityExpiresAt: timestamp.optional().meta({ description: 'From then on its priority counts as 0.' }),
    health: z
      .int()
      .min(0)
      .max(100)
      .optional()
      .meta({ description: 'As it reported it; absent counts as 100.' }),
    heldBack: heldBack.optional(),
    joinedAt: timestamp,
  })
  .meta({ id: 'QueuedCandidate', description: 'A candidate in its place.' });

export const candidatePage = z.object({ data: z.array(queuedCandidate), nextCursor }).meta({
  id: 'CandidatePage',
  description: 'The leaders first, then those who wait, in the order in which they would lead.',
});
