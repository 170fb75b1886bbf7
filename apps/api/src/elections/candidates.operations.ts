import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { candidateName, electionName } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { priority, priorityExpiresAt } from './campaign.operations.js';
import { queuedExample } from './examples.js';
import { queuedCandidate } from './status.schema.js';

const tag = 'Handing over';
const params = z.strictObject({ name: electionName, candidate: candidateName });
const errors = ['election.not_found', 'store.unavailable', 'store.overloaded'] as const;

export const getCandidate = {
  id: 'getCandidate',
  method: RequestMethod.GET,
  path: '/v1/elections/{name}/candidates/{candidate}',
  tag: 'Observing',
  summary: 'One who stands',
  description: 'In its place among those who stand.',
  access: 'elections:read',
  params,
  answers: {
    200: { description: 'The candidate.', schema: queuedCandidate, examples: { waiting: queuedExample } },
  },
  errors: [...errors, 'candidate.not_found'],
} as const satisfies OperationSpec;

export const changeCandidate = {
  id: 'changeCandidate',
  method: RequestMethod.PATCH,
  path: '/v1/elections/{name}/candidates/{candidate}',
  tag,
  summary: 'Set the priority of one who stands',
  description:
    'Of this candidacy: a later stand says its own. It keeps its place among equals. With policy `priority` and ' +
    '`preemption` a leader may have to step down for it.',
  access: 'elections:manage',
  params,
  body: z.strictObject({ priority, priorityExpiresAt: priorityExpiresAt.optional() }).meta({
    id: 'ChangeCandidateRequest',
    examples: [{ priority: 10, priorityExpiresAt: '2031-01-01T00:00:00Z' }],
  }),
  answers: {
    200: {
      description: 'The candidate as it is now.',
      schema: queuedCandidate,
      examples: {
        waiting: { ...queuedExample, priority: 10, priorityExpiresAt: '2031-01-01T00:00:00.000Z' },
      },
    },
  },
  errors: [...errors, 'candidate.not_found'],
} as const satisfies OperationSpec;

export const quarantineCandidate = {
  id: 'quarantineCandidate',
  method: RequestMethod.PUT,
  path: '/v1/elections/{name}/candidates/{candidate}/quarantine',
  tag,
  summary: 'Keep a candidate name from being elected',
  description:
    'It may stand and waits; it is not elected until that is lifted, also when it stands anew. If it leads, it is asked ' +
    'to step down. The name need not stand. Repeating it is harmless.',
  access: 'elections:manage',
  params,
  bodyOptional: true,
  body: z
    .strictObject({
      reason: z.string().min(1).max(500).optional().meta({ description: 'For the record, in your words.' }),
    })
    .meta({
      id: 'QuarantineRequest',
      examples: [{ reason: 'writes garbage since the last release' }],
    }),
  answers: { 204: { description: 'It is held back.' } },
  errors,
} as const satisfies OperationSpec;

export const liftQuarantine = {
  id: 'liftQuarantine',
  method: RequestMethod.DELETE,
  path: '/v1/elections/{name}/candidates/{candidate}/quarantine',
  tag,
  summary: 'Lift what holds a candidate name back',
  description:
    'A quarantine or a back-off; its short terms are forgotten as well. A vacant seat may be its at once.',
  access: 'elections:manage',
  params,
  answers: { 204: { description: 'It may be elected.' } },
  errors: [...errors, 'candidate.not_held_back'],
} as const satisfies OperationSpec;
