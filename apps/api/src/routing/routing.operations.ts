import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { candidateName, digits, electionName, timestamp } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { fence, term } from '../elections/answers.schema.js';
import { leaderExample } from '../elections/examples.js';

const tag = 'Observing';
/** An election has at most 32 seats. */
const LAST_SEAT = 31;
const seat = z
  .int()
  .min(0)
  .meta({ description: 'Which seat the candidate leads.', examples: [0] });
const errors = [
  'election.not_found',
  'leader.vacant',
  'leader.no_address',
  'store.unavailable',
  'store.overloaded',
] as const;

export const redirectToLeader = {
  id: 'redirectToLeader',
  method: RequestMethod.GET,
  path: '/v1/elections/{name}/leader/redirect/{path}',
  tag,
  summary: 'To the leader',
  description:
    'Answers 307 to the `address` of the leader, joined with whatever follows `redirect`, slashes included, and with ' +
    'the query as it was sent. The address has to be an absolute http or https URL. `.`, `..`, doubled slashes, ' +
    'backslashes and control characters in the path are refused, escaped ones, too: the answer never leads out of the ' +
    'address. With several seats it leads to one of the leaders at random, or with `Incumbent-Seat` to that of one ' +
    "seat. Reads through the log. Send no credentials that the leader must not see: it is the tenant's own process, " +
    'and whoever may campaign says what its address is.',
  access: 'elections:read',
  openEnded: true,
  params: z.strictObject({
    name: electionName,
    path: z
      .string()
      .optional()
      .meta({ description: 'What is asked of the leader; may hold slashes, or be missing.' }),
  }),
  query: z.looseObject({}),
  headers: z.strictObject({
    'incumbent-seat': digits({
      min: 0,
      max: LAST_SEAT,
      description: 'The seat whose leader is meant.',
    }).optional(),
  }),
  answers: {
    307: {
      description: 'Where the leader is. Not to be cached.',
      headers: { Location: 'Absolute URL below the address of the leader.' },
    },
  },
  errors,
} as const satisfies OperationSpec;

export const redirectToLeaderHead = {
  ...redirectToLeader,
  id: 'redirectToLeaderHead',
  method: RequestMethod.HEAD,
  summary: 'To the leader, without a body',
} as const satisfies OperationSpec;

export const checkLeader = {
  id: 'checkLeader',
  method: RequestMethod.GET,
  path: '/v1/elections/{name}/leader/check',
  tag,
  summary: 'Whether a candidate leads, for load balancers',
  description:
    'Answers 200 if the candidate leads at this moment, in any seat or in `seat`, else 503. Reads through the log: ' +
    'never stale when it is answered. A hint for routing, never a grant: only the candidate itself knows how long it ' +
    'may act.',
  access: 'elections:read',
  params: z.strictObject({ name: electionName }),
  query: z.strictObject({
    candidate: candidateName,
    seat: digits({ min: 0, max: LAST_SEAT, description: 'Only this seat counts.' }).optional(),
  }),
  answers: {
    200: {
      description: 'It leads.',
      schema: z
        .object({
          election: electionName,
          candidate: candidateName,
          seat,
          term,
          fence,
          serverTime: timestamp,
        })
        .meta({ id: 'LeaderCheck', description: 'The candidate leads.' }),
      examples: {
        leads: {
          election: 'billing',
          candidate: leaderExample.candidate,
          seat: 0,
          term: leaderExample.term,
          fence: leaderExample.fence,
          serverTime: '2026-11-21T09:30:02.118Z',
        },
      },
    },
  },
  errors: ['election.not_found', 'leader.vacant', 'leader.other', 'store.unavailable', 'store.overloaded'],
} as const satisfies OperationSpec;

export const checkLeaderHead = {
  ...checkLeader,
  id: 'checkLeaderHead',
  method: RequestMethod.HEAD,
  summary: 'Whether a candidate leads, by the status alone',
  answers: { 200: { description: 'It leads.' } },
} as const satisfies OperationSpec;
