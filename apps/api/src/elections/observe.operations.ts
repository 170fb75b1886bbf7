import { RequestMethod } from '@nestjs/common';
import { MOST_SEATS } from '#election';
import { z } from 'zod';
import { digits, electionName, LONGEST_WAIT_MS, page } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { leadership } from './answers.schema.js';
import {
  handOverExample,
  leaderExample,
  leadershipExample,
  queuedExample,
  vacancyExample,
} from './examples.js';
import { candidatePage, status } from './status.schema.js';

const tag = 'Observing';
const params = z.strictObject({ name: electionName });
const errors = ['election.not_found', 'store.unavailable', 'store.overloaded'] as const;

export const getLeader = {
  id: 'getLeader',
  method: RequestMethod.GET,
  path: '/v1/elections/{name}/leader',
  tag,
  summary: 'Who leads',
  description:
    'Reads through the log: never stale when it is answered. With `waitMs` the answer is held until the election ' +
    'has an event after `afterSequence` (a vacancy is one, too) or the time has passed; without `afterSequence`, ' +
    'until the next event.',
  access: 'elections:read',
  params,
  query: z.strictObject({
    seat: digits({
      min: 0,
      max: MOST_SEATS - 1,
      description: 'Which seat; 0 if absent. `sequence` counts the events of all seats.',
    }).optional(),
    waitMs: digits({
      min: 0,
      max: LONGEST_WAIT_MS,
      description: 'Hold the answer at most this long.',
    }).optional(),
    afterSequence: digits({
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      description: 'The `sequence` of the answer that the caller has seen last.',
    }).optional(),
  }),
  answers: {
    200: {
      description: 'The leader, or null while nobody leads.',
      schema: leadership,
      examples: { led: leadershipExample, vacant: vacancyExample },
    },
  },
  errors,
} as const satisfies OperationSpec;

const lastTerm = { term: 7, fence: 7, leader: leaderExample.candidate, since: leaderExample.electedAt };

export const getStatus = {
  id: 'getStatus',
  method: RequestMethod.GET,
  path: '/v1/elections/{name}/status',
  tag,
  summary: 'The election at a glance',
  description:
    'Every seat with its leader, its last term and what is under way, who is held back, and the number of candidates.',
  access: 'elections:read',
  params,
  answers: {
    200: {
      description: 'The status.',
      schema: status,
      examples: {
        led: {
          ...leadershipExample,
          state: 'open',
          candidateCount: 3,
          since: leaderExample.electedAt,
          lastTerm,
          seats: [
            {
              seat: 0,
              leader: leaderExample,
              lastTerm,
              yielding: { reason: 'transferred', since: handOverExample.requestedAt, withheld: false },
              handOver: handOverExample,
            },
          ],
          heldBack: [
            { candidate: 'billing-7f9c-9', since: '2026-11-21T09:12:00.000Z', until: null, shortTerms: 5 },
          ],
        },
      },
    },
  },
  errors,
} as const satisfies OperationSpec;

export const listCandidates = {
  id: 'listCandidates',
  method: RequestMethod.GET,
  path: '/v1/elections/{name}/candidates',
  tag,
  summary: 'Who stands, in queue order',
  description:
    'The leaders first, then those who wait, in the order in which they would lead. Sessions are never shown.',
  access: 'elections:read',
  params,
  query: page,
  answers: {
    200: {
      description: 'A page of candidates.',
      schema: candidatePage,
      examples: {
        queue: {
          data: [
            { ...only(leaderExample), state: 'leader', seat: 0, joinedAt: '2026-11-21T09:29:58.311Z' },
            queuedExample,
          ],
          nextCursor: null,
        },
      },
    },
  },
  errors,
} as const satisfies OperationSpec;

function only(leader: typeof leaderExample) {
  const { candidate, candidateId, address } = leader;
  return { candidate, candidateId, address };
}
