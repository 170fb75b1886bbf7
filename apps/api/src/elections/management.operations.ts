import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { ifMatch } from '../http/etag.js';
import { electionName, page } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { electionExample } from './examples.js';
import { election, electionChange, electionPage, newElection } from './settings.schema.js';

const tag = 'Elections';
const params = z.strictObject({ name: electionName });
const etag = { ETag: 'Version of the settings, for If-Match.' };

const manageErrors = ['election.not_found', 'store.unavailable', 'store.overloaded'] as const;

export const createElection = {
  id: 'createElection',
  method: RequestMethod.POST,
  path: '/v1/elections',
  tag,
  summary: 'Create an election',
  description:
    'A name that was deleted may be created again: its terms and fences go on above the old ones. A repeated ' +
    'create of an existing name is refused, so create once and campaign from then on.',
  access: 'elections:manage',
  idempotent: { secrets: [] },
  body: newElection,
  answers: {
    201: {
      description: 'The election exists.',
      schema: election,
      headers: { ...etag, Location: 'Path of the election.' },
      examples: { created: electionExample },
    },
  },
  errors: [
    'election.name_taken',
    'election.closing',
    'limit.quota_exceeded',
    'database.unavailable',
    'store.unavailable',
    'store.overloaded',
  ],
} as const satisfies OperationSpec;

export const listElections = {
  id: 'listElections',
  method: RequestMethod.GET,
  path: '/v1/elections',
  tag,
  summary: 'List the elections that the key may see',
  description: 'By name. A key with an `electionPrefix` sees only those that begin with it.',
  access: 'elections:read',
  query: page,
  answers: {
    200: {
      description: 'A page of elections.',
      schema: electionPage,
      examples: { page: { data: [electionExample], nextCursor: null } },
    },
  },
  errors: ['store.unavailable'],
} as const satisfies OperationSpec;

export const getElection = {
  id: 'getElection',
  method: RequestMethod.GET,
  path: '/v1/elections/{name}',
  tag,
  summary: 'Read an election and its settings',
  description: 'For who leads, see `getLeader`.',
  access: 'elections:read',
  params,
  answers: {
    200: {
      description: 'The election.',
      schema: election,
      headers: etag,
      examples: { election: electionExample },
    },
  },
  errors: manageErrors,
} as const satisfies OperationSpec;

export const changeElection = {
  id: 'changeElection',
  method: RequestMethod.PATCH,
  path: '/v1/elections/{name}',
  tag,
  summary: 'Change settings, pause or open',
  description:
    'Changes what is given and leaves the rest; 0 takes a setting back. A paused election grants nothing new: its ' +
    'leader is told `yielding` and its term ends once the grants are over; campaigns wait. Sessions keep the ttlMs ' +
    'that they began with. A new policy holds from the next vacancy on; where it wants the running term ended, the ' +
    'leader is asked to step down.',
  access: 'elections:manage',
  params,
  headers: ifMatch,
  body: electionChange,
  answers: {
    200: {
      description: 'The election as it is now.',
      schema: election,
      headers: etag,
      examples: { paused: { ...electionExample, state: 'paused', updatedAt: '2026-11-21T09:31:00.000Z' } },
    },
  },
  errors: [
    ...manageErrors,
    'election.closing',
    'election.seats_in_use',
    'candidate.not_found',
    'limit.quota_exceeded',
    'request.precondition_failed',
  ],
} as const satisfies OperationSpec;

export const deleteElection = {
  id: 'deleteElection',
  method: RequestMethod.DELETE,
  path: '/v1/elections/{name}',
  tag,
  summary: 'Delete an election',
  description:
    'Candidates are out. While a leader still holds a grant the election is `closing` and its name is taken; ' +
    'afterwards the name may be created again, with fences above all earlier ones.',
  access: 'elections:manage',
  params,
  headers: ifMatch,
  answers: {
    202: {
      description: "Being deleted: a leader's grants run out first.",
      schema: election,
      examples: { closing: { ...electionExample, state: 'closing' } },
    },
    204: { description: 'Deleted.' },
  },
  errors: [...manageErrors, 'request.precondition_failed'],
} as const satisfies OperationSpec;
