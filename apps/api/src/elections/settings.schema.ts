import { MOST_SEATS, POLICIES } from '#election';
import { z } from 'zod';
import { candidateName, electionName, nextCursor, timestamp, ttlMs } from '../http/fields.js';

/** Settings of an election, as they are sent and as they are shown. Where nothing else is said, 0 is "none". */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const MONTH_MS = 30 * 24 * HOUR_MS;

/** A leader that may go on for longer than this is not being asked to step down. */
const LONGEST_GRACE_MS = HOUR_MS;
/** A vacancy that is wanted for longer than this is a pause. */
const LONGEST_DELAY_MS = 15 * MINUTE_MS;
const MOST_SHORT_TERMS = 100;

/** What an election gets that says nothing of it; milliseconds. */
export const DEFAULT_GRACE_MS = 10_000;

const milliseconds = (most: number) => z.int().min(0).max(most);

const whole = (least: number, most: number) => z.int().min(least).max(most);

/** How long a leader may go on that is asked to step down. */
export const graceMs = milliseconds(LONGEST_GRACE_MS);

export const seat = whole(0, MOST_SEATS - 1);

const policy = z.enum(POLICIES).meta({
  id: 'Policy',
  description:
    'Who is next. `fifo`: whoever waits longest. `priority`: the highest priority. `rotation`: the next by name, ' +
    'after `maxTermMs` at most. `sticky`: the last leader before all others. `health`: the healthiest that reports ' +
    'at least `healthFloor`. `manual`: whom an operator appoints by a transfer.',
});

const fields = {
  description: z.string().max(500).meta({ description: 'For people.' }),
  ttlMs: ttlMs.meta({ description: 'What a campaign without `ttlMs` gets; 10 000 if absent.' }),
  maxTtlMs: ttlMs.meta({
    description:
      'The largest `ttlMs` a campaign may ask for: it bounds how long a dead leader can keep the seat. The larger of ' +
      '`ttlMs` and 60 000 if absent.',
  }),
  policy: policy.meta({ description: 'Who is next; `fifo` if absent.' }),
  seats: whole(1, MOST_SEATS).meta({
    description: 'How many lead at once, each in a seat with terms and fences of its own; 1 if absent.',
  }),
  preemption: z
    .boolean()
    .meta({ description: 'Policy `priority`: a waiter with a higher priority ends the term of the leader.' }),
  maxTermMs: milliseconds(MONTH_MS)
    .refine((value) => value === 0 || value >= SECOND_MS, 'Must be 0 or at least 1000.')
    .meta({
      description: 'Policy `rotation`, which needs it: how long a term lasts while another waits; from 1 s.',
    }),
  minTermMs: milliseconds(MONTH_MS).meta({
    description: 'No preemption before a term has lasted this long.',
  }),
  graceMs: graceMs.meta({
    description:
      'How long a leader that is asked to step down may go on, unless the hand-over says otherwise; at most 1 h, ' +
      '10 000 if absent.',
  }),
  takeoverDelayMs: milliseconds(LONGEST_DELAY_MS).meta({
    description:
      'After a crash only the candidate that lost the seat may have it for so long; at most 15 min. Nothing is ' +
      'delayed after a resign.',
  }),
  shortTermMs: milliseconds(24 * HOUR_MS).meta({
    description: 'A term that is lost within this time of its start counts against its candidate.',
  }),
  backoffMs: milliseconds(HOUR_MS).meta({
    description:
      'How long a candidate is held back after a short term, doubled with each further one in a row up to 1 h. Needs ' +
      '`shortTermMs`.',
  }),
  quarantineAfter: whole(0, MOST_SHORT_TERMS).meta({
    description:
      'So many short terms in a row hold the candidate back until an operator lifts it. Needs `shortTermMs`.',
  }),
  healthFloor: whole(0, 100).meta({
    description:
      'Policy `health`, which needs it: below this health nobody is elected, and a leader is asked to step down.',
  }),
};

const settings = z.strictObject(fields).partial();

export const newElection = settings.extend({ name: electionName }).meta({
  id: 'CreateElectionRequest',
  examples: [
    { name: 'billing', ttlMs: 10_000 },
    { name: 'crawler', policy: 'rotation', maxTermMs: 600_000, graceMs: 5_000 },
    { name: 'shards', seats: 4, shortTermMs: 30_000, backoffMs: 5_000, quarantineAfter: 5 },
  ],
});

export const electionChange = settings
  .extend({
    state: z.enum(['open', 'paused']).optional(),
    pinned: candidateName
      .nullable()
      .optional()
      .meta({
        description:
          'A candidate that stands: no policy ends its term, and a vacant seat is its before all others. Null: nobody ' +
          'any more.',
      }),
    retireSeats: z.literal(true).optional().meta({
      description:
        'With `seats`: the leaders of seats that are to go step down. Without it they forbid the change.',
    }),
  })
  .refine((change) => Object.keys(change).length > 0, {
    when: ({ issues }) => issues.length === 0,
    message: 'Name at least one field to change.',
  })
  .refine((change) => change.retireSeats === undefined || change.seats !== undefined, {
    path: ['retireSeats'],
    message: 'Goes with seats, the number that is to remain.',
  })
  .meta({
    id: 'ChangeElectionRequest',
    examples: [{ state: 'paused' }, { maxTtlMs: 120_000 }, { policy: 'priority', preemption: true }],
  });

export const electionState = z.enum(['open', 'paused', 'closing']).meta({
  id: 'ElectionState',
  description:
    '`open`: terms start and run. `paused`: none starts. `closing`: being deleted, grants run out.',
});

export const pinned = candidateName
  .optional()
  .meta({ description: 'The candidate that policies leave in its seat.' });

export const election = z
  .object({
    id: z.string().meta({ description: 'Id of the election; the same name always has the same id.' }),
    name: electionName,
    ...fields,
    description: fields.description.optional(),
    state: electionState,
    pinned,
    maxCandidates: z.int().meta({ description: 'How many may stand at once; a quota of the tenant.' }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Election', description: 'An election and its settings. The ETag header holds its version.' });

export const electionPage = z
  .object({ data: z.array(election), nextCursor })
  .meta({ id: 'ElectionPage', description: 'Elections by name.' });
