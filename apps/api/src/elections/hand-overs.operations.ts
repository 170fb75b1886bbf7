import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { electionName } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import {
  doneHandOverExample,
  handOverExample,
  immediateHandOverExample,
  waitingExample,
} from './examples.js';
import {
  asksForHandOver,
  handOver,
  handOverList,
  handOverParams,
  handOverRequest,
  stepDownAnswer,
  stepDownRequest,
  transferRequest,
} from './hand-overs.schema.js';

const tag = 'Handing over';
const params = z.strictObject({ name: electionName });

const readErrors = ['election.not_found', 'store.unavailable', 'store.overloaded'] as const;
const makeErrors = [
  ...readErrors,
  'election.term_changed',
  'election.vacant',
  'election.paused',
  'hand_over.in_progress',
] as const;

const MODES =
  'It names the term that it means (`expectedTerm`), so a repeat or a late one ends no other. `immediate` leaves the ' +
  'old leader believing for `oldLeaderMayBelieveForMs`, and only fences protect from it.';

const underWay = {
  description: 'Under way: look at it again, or watch the election.',
  schema: handOver,
  headers: { Location: 'Path of the hand-over.' },
  examples: { asked: handOverExample },
};
const over = {
  description: 'Done, or a dry run of what would be done.',
  schema: handOver,
  examples: { done: doneHandOverExample, immediate: immediateHandOverExample },
};

export const stepDown = {
  id: 'stepDown',
  method: RequestMethod.POST,
  path: '/v1/elections/{name}/step-down',
  tag,
  summary: 'End a term, and let the leader queue anew',
  description:
    'Of the leader itself, with `session` and `candidateId`: it ends its own term, of its own will or because it was ' +
    'asked to, and stands at the end of the queue with a new candidateId; the next in line leads with the same commit. ' +
    'Stop acting as leader before you send it: no answer that names this candidacy grants again. Repeating it is ' +
    'harmless. Answers how it stands now; alone, it leads again, in a new term. Needs `elections:campaign`.\n\n' +
    `Of an operator, with \`mode\` and \`expectedTerm\`: asks the leader to do that. ${MODES} Needs \`elections:manage\`.`,
  access: 'elections:campaign',
  orAccess: 'elections:manage',
  evenSuspended: true,
  renews: true,
  idempotent: { secrets: [], makes: asksForHandOver, keeps: false },
  params,
  body: stepDownRequest,
  answers: {
    200: {
      description: 'The leader itself: how it stands now. An operator: done, or a dry run.',
      schema: stepDownAnswer,
      examples: { ownStepDown: waitingExample, done: doneHandOverExample },
    },
    202: underWay,
  },
  errors: [...makeErrors, 'session.unknown', 'session.expired'],
} as const satisfies OperationSpec;

export const transfer = {
  id: 'transfer',
  method: RequestMethod.POST,
  path: '/v1/elections/{name}/transfer',
  tag,
  summary: 'Hand a term to a named candidate that waits',
  description:
    `The old leader stands at the end of the queue. Into a vacant seat it appoints the candidate (then ` +
    `\`expectedTerm\` is the last term). ${MODES}`,
  access: 'elections:manage',
  idempotent: { secrets: [], keeps: false },
  params,
  body: transferRequest,
  answers: { 200: over, 202: underWay },
  errors: [...makeErrors, 'candidate.not_waiting'],
} as const satisfies OperationSpec;

export const depose = {
  id: 'depose',
  method: RequestMethod.POST,
  path: '/v1/elections/{name}/depose',
  tag,
  summary: 'End a term, and put the leader out',
  description: `The leader is out and does not queue anew; it may campaign again, unless it is quarantined. ${MODES}`,
  access: 'elections:manage',
  idempotent: { secrets: [], keeps: false },
  params,
  body: handOverRequest,
  answers: { 200: over, 202: underWay },
  errors: makeErrors,
} as const satisfies OperationSpec;

export const listHandOvers = {
  id: 'listHandOvers',
  method: RequestMethod.GET,
  path: '/v1/elections/{name}/hand-overs',
  tag,
  summary: 'The last hand-over of each seat',
  description: 'Under way or over. Earlier ones are in the audit log, with the gap that each of them left.',
  access: 'elections:read',
  params,
  answers: {
    200: {
      description: 'At most one for each seat.',
      schema: handOverList,
      examples: { one: { data: [handOverExample] } },
    },
  },
  errors: readErrors,
} as const satisfies OperationSpec;

export const getHandOver = {
  id: 'getHandOver',
  method: RequestMethod.GET,
  path: '/v1/elections/{name}/hand-overs/{id}',
  tag,
  summary: 'What has become of a hand-over',
  description: 'Known until the next hand-over of the seat is asked for.',
  access: 'elections:read',
  params: handOverParams,
  answers: {
    200: { description: 'The hand-over.', schema: handOver, examples: { done: doneHandOverExample } },
  },
  errors: [...readErrors, 'hand_over.not_found'],
} as const satisfies OperationSpec;

export const cancelHandOver = {
  id: 'cancelHandOver',
  method: RequestMethod.DELETE,
  path: '/v1/elections/{name}/hand-overs/{id}',
  tag,
  summary: 'Cancel a hand-over that is not done',
  description:
    'The leader stays, and is granted again with its next renewal. Repeating it is harmless; one that is done is not ' +
    'undone.',
  access: 'elections:manage',
  params: handOverParams,
  answers: {
    200: {
      description: 'Cancelled.',
      schema: handOver,
      examples: {
        cancelled: { ...handOverExample, state: 'cancelled', finishedAt: '2026-11-21T09:41:03.000Z' },
      },
    },
  },
  errors: [...readErrors, 'hand_over.not_found', 'hand_over.over'],
} as const satisfies OperationSpec;
