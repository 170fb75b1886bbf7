import { z } from 'zod';
import { candidateName, electionName, moment, timestamp } from '../http/fields.js';
import { candidateFields, candidateId, sessionToken, shownSeat, standing, term } from './answers.schema.js';
import { actor } from './history.schema.js';
import { graceMs, seat } from './settings.schema.js';

/** How operators end terms, what they are told of it, and how a leader ends its own. */

const handOverId = z
  .string()
  .regex(/^hov_[0-9a-z]{1,40}$/, 'Must be the id of a hand-over.')
  .meta({ examples: ['hov_8k9m0n1p2q3r4s5t6v7w8x9y'] });

export const handOverParams = z.strictObject({ name: electionName, id: handOverId });

const common = {
  mode: z.enum(['graceful', 'immediate']).meta({
    description:
      '`graceful`: the leader is asked, leads on for `graceMs` at most and gets no grant after that; its successor ' +
      'leads when it acknowledges, or when its last grant is over. `immediate`: the successor leads at once, and THE ' +
      'OLD LEADER MAY GO ON ACTING for `oldLeaderMayBelieveForMs`: only a resource that compares fences is safe from it.',
  }),
  graceMs: graceMs
    .optional()
    .meta({ description: "Of a graceful one, at most 1 h; the election's own if absent." }),
  reason: z.string().min(1).max(500).optional().meta({ description: 'For the record, in your words.' }),
  expectedTerm: z
    .int()
    .min(0)
    .meta({
      description: 'The term that is to end, as you read it. If it is another by now, nothing happens.',
      examples: [7],
    }),
  seat: seat.optional().meta({ description: 'Whose term; 0 if absent.' }),
  at: moment.optional().meta({
    description: 'Begin then, RFC 3339, in the future; at once if absent. Until then it can be cancelled.',
  }),
  dryRun: z.boolean().optional().meta({ description: 'Check everything, change nothing.' }),
};

export const handOverRequest = z
  .strictObject(common)
  .refine(...onlyGraceful())
  .meta({
    id: 'HandOverRequest',
    examples: [{ mode: 'graceful', graceMs: 5_000, reason: 'node drain', expectedTerm: 7 }],
  });

export const transferRequest = z
  .strictObject({
    ...common,
    to: candidateName.meta({ description: 'Name of a candidate that waits.' }),
    fallback: z
      .enum(['next', 'cancel'])
      .optional()
      .meta({
        description:
          'If that candidate is gone when it comes to it: `next` in line leads (also if absent), or the hand-over fails ' +
          'and the leader stays.',
      }),
  })
  .refine(...onlyGraceful())
  .meta({
    id: 'TransferRequest',
    examples: [{ mode: 'graceful', to: 'billing-7f9c-2', reason: 'new version', expectedTerm: 7 }],
  });

/** What the leader itself sends. */
const ownStepDown = z.strictObject({ session: sessionToken, candidateId }).meta({
  id: 'OwnStepDownRequest',
  description: 'Of the leader itself.',
});

export const stepDownRequest = z
  .union([ownStepDown, handOverRequest], {
    error:
      'Send either session and candidateId, as the leader itself, or mode and expectedTerm, as an operator.',
  })
  .meta({
    id: 'StepDownRequest',
    examples: [
      { session: 'ses_0a1b2c3d4e5f6g7h8j9k0m1n.10000.q3J5v0mZ', candidateId: 'cnd_5g6h7j8k9m0n1p2q3r4s5t6v' },
      { mode: 'graceful', graceMs: 5_000, reason: 'node drain', expectedTerm: 7 },
    ],
  });

/** Whether a body of `step-down` asks for a hand-over: what the leader itself sends is never remembered. */
export function asksForHandOver(body: unknown): boolean {
  return typeof body !== 'object' || body === null || !('session' in body);
}

const person = z.object(candidateFields);

export const handOver = z
  .object({
    id: handOverId.optional().meta({ description: 'Absent of a dry run.' }),
    election: electionName,
    seat: shownSeat,
    kind: z.enum(['step_down', 'transfer', 'depose']),
    mode: z.enum(['graceful', 'immediate']),
    state: z.enum(['scheduled', 'asked', 'withheld', 'done', 'cancelled', 'failed']).meta({
      description:
        '`scheduled`: begins at `at`. `asked`: the leader knows and leads on. `withheld`: it gets no grant any more. ' +
        '`done`: the term is over. `cancelled`: the leader stays. `failed`: see `failure`.',
    }),
    expectedTerm: term,
    from: person
      .nullable()
      .meta({ description: 'Whose term it is; null for an appointment into a vacant seat.' }),
    to: candidateName.optional(),
    fallback: z.enum(['next', 'cancel']).optional().meta({ description: 'Of a transfer.' }),
    graceMs: z.int().min(0),
    reason: z.string().optional().meta({ description: "In the operator's words." }),
    requestedAt: timestamp,
    requestedBy: actor,
    at: timestamp.optional().meta({ description: 'When it begins, if it is scheduled.' }),
    finishedAt: timestamp.optional(),
    successor: person
      .extend({ term })
      .optional()
      .meta({ description: 'Who leads by it; absent if nobody does.' }),
    acknowledged: z.boolean().optional().meta({ description: 'Whether the leader itself ended its term.' }),
    gapMs: z.int().min(0).optional().meta({
      description:
        'For how long nobody could be granted the seat, as the service measured it; 0 if acknowledged in time.',
    }),
    failure: z
      .enum(['term_changed', 'target_gone'])
      .optional()
      .meta({ description: 'The term ended otherwise; the target was gone and `fallback` was `cancel`.' }),
    oldLeaderMayBelieveForMs: z
      .int()
      .min(0)
      .optional()
      .meta({
        description:
          'Of an immediate one that is done, or would be: for so long from this answer the old leader may still act as leader.',
        examples: [9_800],
      }),
    dryRun: z.literal(true).optional().meta({
      description: 'It would be taken on, and `state` is what it would begin with; nothing has changed.',
    }),
    serverTime: timestamp,
  })
  .meta({ id: 'HandOver', description: 'The end of a term at the wish of an operator.' });

export const handOverList = z
  .object({ data: z.array(handOver) })
  .meta({ id: 'HandOverList', description: 'The last hand-over of each seat, by seat.' });

export const stepDownAnswer = z.union([standing, handOver]).meta({
  id: 'StepDownAnswer',
  description: 'A standing for the leader itself, a hand-over for an operator.',
});

type Common = { mode: 'graceful' | 'immediate'; graceMs?: number | undefined };

function onlyGraceful() {
  const fits = ({ mode, graceMs: grace }: Common): boolean => mode === 'graceful' || grace === undefined;
  const refusal = { path: ['graceMs'], message: 'Only a graceful one has it; leave it out.' };
  return [fits, refusal] as const;
}
