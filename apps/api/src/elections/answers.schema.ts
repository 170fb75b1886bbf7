import type { EndReason } from '#election';
import { z } from 'zod';
import { candidateName, electionName, metadata, timestamp } from '../http/fields.js';
import { timing } from '../timing/timing.schema.js';

/** What election calls answer. Answers stay open: fields may be added, none changes its meaning. */

export const term = z
  .int()
  .min(0)
  .meta({
    id: 'Term',
    description: 'Number of the term: one uninterrupted leadership. 0 before the first.',
    examples: [7],
  });

export const fence = z
  .int()
  .min(0)
  .meta({
    id: 'Fence',
    description:
      'Orders the terms of an election for ever: each new term has a larger fence than every earlier one, also ' +
      'after the election was deleted and created again. Below 2^53. A resource that refuses smaller fences than ' +
      'the largest it has seen is safe from leaders that act too late.',
    examples: [7],
  });

export const sequence = z
  .int()
  .min(0)
  .meta({
    id: 'Sequence',
    description: 'Number of the last event of the election that this answer knows of.',
    examples: [13],
  });

export const sessionToken = z
  .string()
  .min(1)
  .max(1_024)
  .meta({
    id: 'SessionToken',
    description:
      'Token of a session, a secret of the participant: send it in bodies only, keep it out of URLs and logs.',
    examples: ['ses_0a1b2c3d4e5f6g7h8j9k0m1n.10000.q3J5v0mZ'],
  });

export const candidateId = z
  .string()
  .min(1)
  .max(64)
  .meta({
    id: 'CandidateId',
    description: 'Id of one candidacy; new at every stand.',
    examples: ['cnd_5g6h7j8k9m0n1p2q3r4s5t6v'],
  });

export const shownSeat = z
  .int()
  .min(0)
  .meta({ description: 'Which leadership of the election; 0 where there is one.', examples: [0] });

export const candidateFields = {
  candidate: candidateName,
  candidateId,
  address: z.string().optional().meta({ description: 'Where the candidate said it can be reached.' }),
  metadata: metadata.optional(),
};

export const leader = z
  .object({ ...candidateFields, seat: shownSeat, term, fence, electedAt: timestamp })
  .meta({
    id: 'Leader',
    description: 'The current leader as everybody sees it. A hint for routing, never a grant.',
  });

export const endReason = z
  .enum([
    ...['resigned', 'expired', 'stepped_down', 'transferred', 'deposed', 'preempted', 'rotated'],
    ...['unhealthy', 'quarantined', 'seat_retired', 'paused', 'deleted', 'suspended', 'restored'],
  ] as const satisfies readonly EndReason[])
  .meta({ id: 'EndReason', description: 'Why a term ended. `docs/elections.md` says who causes which.' });

export const standing = z
  .object({
    election: electionName,
    candidate: candidateName.optional(),
    candidateId: candidateId.optional(),
    session: sessionToken,
    state: z.enum(['leader', 'waiting', 'yielding', 'out']).meta({
      description:
        '`leader`: the caller leads for `validForMs` from the moment it sent this request. `waiting`: it stands in ' +
        'the queue. `yielding`: its term is being ended; what was granted holds to its end, nothing more is granted, so ' +
        'finish and step down or resign. `out`: it does not stand here.',
    }),
    position: z.int().min(1).optional().meta({
      description:
        'Place among those who wait, by joining; policy `fifo` takes the first. Only while waiting.',
    }),
    leader: leader.nullable().meta({
      description: 'Who leads now, in the seat of the caller or the first one; null while nobody does.',
    }),
    sequence,
    seat: shownSeat.optional().meta({ description: "The caller's own seat. Only while it leads." }),
    term: term.optional().meta({ description: "The caller's own term. Only while it leads." }),
    fence: fence.optional().meta({ description: "The caller's own fence. Only while it leads." }),
    fencingToken: z.string().optional().meta({
      description:
        'Signed proof of the fence (JWT). If it is missing while leading, it follows with a later renew.',
    }),
    ttlMs: z
      .int()
      .meta({ description: 'Time to live of the session; it never changes.', examples: [10_000] }),
    validForMs: z
      .int()
      .optional()
      .meta({
        description:
          'How long the caller may act as leader, counted from the moment it SENT this request on its own monotonic ' +
          'clock. The safety margin is already taken. Only while it leads.',
        examples: [9_800],
      }),
    renewAfterMs: z
      .int()
      .meta({ description: 'When to renew next, counted from the answer.', examples: [3_333] }),
    serverTime: timestamp,
    reason: z
      .enum([...endReason.options, 'not_standing'])
      .optional()
      .meta({
        description:
          'Why the caller yields, is asked to step down, or is out; while it waits, why its last term ended.',
      }),
    yieldByMs: z
      .int()
      .min(0)
      .optional()
      .meta({
        description:
          'The leader is asked to step down: it leads on, for so long from this answer. Then it is `yielding`. Finish, ' +
          'stop acting, and send `step-down` (or `resign`): the successor leads with that very commit.',
        examples: [10_000],
      }),
    timing: timing.optional().meta({ description: 'Only of a renew that asks for it.' }),
  })
  .meta({ id: 'Standing', description: 'How the caller stands in the election.' });

export const resignation = z
  .object({
    election: electionName,
    state: z.literal('out'),
    sequence,
    successor: leader
      .optional()
      .meta({ description: 'Who leads now, if this resignation installed a successor.' }),
    serverTime: timestamp,
  })
  .meta({ id: 'Resignation', description: 'The candidacy has ended.' });

export const leadership = z
  .object({
    election: electionName,
    leader: leader.nullable().meta({ description: 'Null while nobody leads.' }),
    seat: shownSeat,
    term: term.meta({ description: 'The running term, or the last one while nobody leads.' }),
    fence: fence.meta({ description: 'Fence of that term.' }),
    sequence,
    serverTime: timestamp,
  })
  .meta({ id: 'Leadership', description: 'Who leads the election.' });
