import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { electionName, page } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { leaderExample } from './examples.js';
import { historyPage } from './history.schema.js';

const { candidate, candidateId, address } = leaderExample;

export const listHistory = {
  id: 'listHistory',
  method: RequestMethod.GET,
  path: '/v1/elections/{name}/history',
  tag: 'Observing',
  summary: 'Who led when',
  description:
    'Every term from its start to its end: who led, why it ended, who ended it, and how long nobody led before it. ' +
    'The running term is among them. Terms of a seat are numbered without a hole; where their events were lost the terms are ' +
    'there all the same, `reconstructed`, with what can be proved of them. The record follows the election within ' +
    'a fraction of a second; while Postgres is away it cannot be read, and nothing that happens meanwhile is ' +
    'missing afterwards. It covers every election that ever had this name.',
  access: 'elections:read',
  params: z.strictObject({ name: electionName }),
  query: page.extend({
    order: z
      .enum(['newest', 'oldest'])
      .optional()
      .meta({ description: 'Which terms come first; `newest` if absent.' }),
  }),
  answers: {
    200: {
      description: 'A page of terms.',
      schema: historyPage,
      examples: {
        terms: {
          data: [
            {
              seat: 0,
              term: 8,
              fence: 8,
              leader: { candidate: 'billing-7f9c-2', candidateId: 'cnd_5g6h7j8k9m0n1p2q3r4s5t6v' },
              startedAt: '2026-11-21T09:41:07.204Z',
              endedAt: null,
              reason: null,
              endedBy: null,
              vacancyMs: 0,
              reconstructed: false,
            },
            {
              seat: 0,
              term: 7,
              fence: 7,
              leader: { candidate, candidateId, address },
              startedAt: leaderExample.electedAt,
              endedAt: '2026-11-21T09:41:07.204Z',
              reason: 'resigned',
              endedBy: { type: 'participant', id: candidateId, name: candidate },
              vacancyMs: 2_350,
              reconstructed: false,
            },
          ],
          nextCursor: 'Ny4w',
        },
      },
    },
  },
  errors: ['election.not_found', 'store.unavailable', 'store.overloaded', 'database.unavailable'],
} as const satisfies OperationSpec;
