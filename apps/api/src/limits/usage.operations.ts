import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';
import { nextCursor, page } from '../http/fields.js';
import type { OperationSpec } from '../http/operation.js';
import { displayName, tenantParams } from '../tenants/tenants.schema.js';
import { plan } from './quota.schema.js';

const used = z
  .object({ limit: z.int(), used: z.int().meta({ description: 'At this moment.' }) })
  .meta({ id: 'Used', description: 'A quota, and how much of it is used.' });

const usage = z
  .object({
    tenantId: z.string(),
    name: displayName,
    plan,
    quotas: z.object({
      maxElections: used,
      maxCandidatesPerElection: used.meta({ description: 'Of the election that has most.' }),
      maxApiKeys: used,
      maxWebhookEndpoints: used,
      maxSessions: used,
      maxCandidaciesPerSession: used.meta({ description: 'Of the session that has most.' }),
      maxStreams: used.meta({ description: 'On the replica that answers.' }),
      requestsPerSecond: used.meta({ description: 'In the present second.' }),
    }),
    minTtlMs: z.int().meta({ description: 'The smallest `ttlMs` of elections and new sessions.' }),
  })
  .meta({ id: 'Usage', description: 'What a tenant uses of its quotas.' });

const usagePage = z.object({ data: z.array(usage), nextCursor }).meta({ id: 'UsagePage' });

const usageExample = {
  tenantId: 'ten_2m3n4p5q6r7s8t9v0w1x2y3z',
  name: 'Acme',
  plan: 'team',
  quotas: {
    maxElections: { limit: 1_000, used: 12 },
    maxCandidatesPerElection: { limit: 1_000, used: 5 },
    maxApiKeys: { limit: 50, used: 3 },
    maxWebhookEndpoints: { limit: 20, used: 1 },
    maxSessions: { limit: 10_000, used: 36 },
    maxCandidaciesPerSession: { limit: 1_000, used: 4 },
    maxStreams: { limit: 1_000, used: 2 },
    requestsPerSecond: { limit: 500, used: 17 },
  },
  minTtlMs: 200,
};

const answers = {
  200: { description: 'The usage.', schema: usage, examples: { usage: usageExample } },
};

export const getUsage = {
  id: 'getUsage',
  method: RequestMethod.GET,
  path: '/v1/usage',
  tag: 'Usage',
  access: 'elections:read',
  summary: 'What the tenant uses of its quotas',
  description: 'Counts of the whole tenant, whatever the `electionPrefix` of the key.',
  answers,
  errors: ['database.unavailable'],
} as const satisfies OperationSpec;

export const listUsage = {
  id: 'listUsage',
  method: RequestMethod.GET,
  path: '/admin/v1/usage',
  tag: 'Usage',
  access: 'admin',
  summary: 'What tenants use of their quotas',
  description: 'In the order of their creation.',
  query: page,
  answers: {
    200: {
      description: 'A page of usages, one for each tenant.',
      schema: usagePage,
      examples: { page: { data: [usageExample], nextCursor: null } },
    },
  },
  errors: ['database.unavailable', 'store.unavailable'],
} as const satisfies OperationSpec;

export const getTenantUsage = {
  id: 'getTenantUsage',
  method: RequestMethod.GET,
  path: '/admin/v1/tenants/{id}/usage',
  tag: 'Usage',
  access: 'admin',
  summary: 'What a tenant uses of its quotas',
  description: 'The same that the tenant itself reads at `/v1/usage`.',
  params: tenantParams,
  answers,
  errors: ['tenant.not_found', 'database.unavailable', 'store.unavailable'],
} as const satisfies OperationSpec;
