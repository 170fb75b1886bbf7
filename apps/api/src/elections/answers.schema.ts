import { z } from 'zod';
import { candidateName, electionName, metadata, nextCursor, timestamp } from '../http/fields.js';
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

const candidateFields = {
  candidate: candidateName,
  candidateId,
  address: z.string().optional().meta({ description: 'Where the candidate said it can be reached.' }),
  metadata: metadata.optional(),
};

export const leader = z.object({ ...candidateFields, term, fence, electedAt: timestamp }).meta({
  id: 'Leader',
  description: 'The current leader as everybody sees it. A hint for routing, never a grant.',
});

export const endReason = z.enum(['resigned', 'expired', 'paused', 'deleted', 'suspended', 'restored']);

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
        'finish and resign. `out`: it does not stand here.',
    }),
    position: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'Place in the queue, 1 is next. Only while waiting.' }),
    leader: leader.nullable().meta({ description: 'Who leads now; null while nobody does.' }),
    sequence,
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
      .meta({ description: 'Why the caller yields or is out.' }),
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
    term: term.meta({ description: 'The running term, or the last one while nobody leads.' }),
    fence: fence.meta({ description: 'Fence of that term.' }),
    sequence,
    serverTime: timestamp,
  })
  .meta({ id: 'Leadership', description: 'Who leads the election.' });

const electionState = z.enum(['open', 'paused', 'closing']).meta({
  id: 'ElectionState',
  description:
    '`open`: terms start and run. `paused`: none starts. `closing`: being deleted, grants run out.',
});

export const status = leadership
  .extend({
    state: electionState,
    candidateCount: z.int().meta({ description: 'How many stand, the leader included.' }),
    since: timestamp.nullable().meta({ description: 'When the running term began, or the last one ended.' }),
    lastTerm: z
      .object({
        term,
        fence,
        leader: candidateName,
        reason: endReason.optional().meta({ description: 'Why it ended; absent while it runs.' }),
        since: timestamp,
        endedAt: timestamp.optional(),
      })
      .nullable(),
  })
  .meta({ id: 'ElectionStatus', description: 'The election at a glance.' });

const queuedCandidate = z
  .object({
    ...candidateFields,
    state: z.enum(['leader', 'waiting']),
    position: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'Place in the queue, 1 is next. Absent for the leader.' }),
    joinedAt: timestamp,
  })
  .meta({ id: 'QueuedCandidate', description: 'A candidate in its place.' });

export const candidatePage = z
  .object({ data: z.array(queuedCandidate), nextCursor })
  .meta({ id: 'CandidatePage', description: 'The leader first, then those who wait, in queue order.' });

export const election = z
  .object({
    id: z.string().meta({ description: 'Id of the election; the same name always has the same id.' }),
    name: electionName,
    description: z.string().optional(),
    state: electionState,
    policy: z.enum(['fifo']).meta({ description: '`fifo`: whoever waits longest is next.' }),
    ttlMs: z.int().meta({ description: 'What a campaign without `ttlMs` gets.' }),
    maxTtlMs: z.int().meta({ description: 'The largest `ttlMs` a campaign may ask for.' }),
    maxCandidates: z.int().meta({ description: 'How many may stand at once; a quota of the tenant.' }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Election', description: 'An election and its settings. The ETag header holds its version.' });

export const electionPage = z
  .object({ data: z.array(election), nextCursor })
  .meta({ id: 'ElectionPage', description: 'Elections by name.' });
