import { PLAN_NAMES } from '#tenancy';
import { z } from 'zod';
import { LONGEST_TTL_MS } from '../http/fields.js';

/** Quotas and plans, as the contract spells them. */

const most = (description: string) => z.int().min(0).max(1_000_000).meta({ description });

export const requestsPerSecond = z.int().min(1).max(1_000_000);

const fields = {
  maxElections: most('How many elections; exact.'),
  maxCandidatesPerElection: most('How many candidates in one election; a few more where replicas race.'),
  maxApiKeys: most('How many API keys; exact.'),
  maxWebhookEndpoints: most('How many webhook endpoints; exact.'),
  maxSessions: most('How many live sessions; a few more where replicas race.'),
  maxCandidaciesPerSession: most(
    'In how many elections one session may stand; a few more where campaigns of it race.',
  ),
  maxStreams: most('How many event streams and attached sockets at once; each replica has an equal share.'),
  minTtlMs: z
    .int()
    .min(0)
    .max(LONGEST_TTL_MS)
    .meta({ description: 'The smallest `ttlMs` of elections and of new sessions.' }),
  requestsPerSecond: requestsPerSecond.meta({
    description: 'Calls of all keys together; renew and resign are not counted.',
  }),
};

export const quota = z
  .object(fields)
  .meta({ id: 'Quota', description: 'How much the tenant may have at once, and how often it may call.' });

export const quotaOverrides = z
  .object(fields)
  .partial()
  .meta({ id: 'QuotaOverrides', description: "The values that are the tenant's own and not its plan's." });

export const quotaChange = z
  .strictObject({
    maxElections: fields.maxElections.nullable(),
    maxCandidatesPerElection: fields.maxCandidatesPerElection.nullable(),
    maxApiKeys: fields.maxApiKeys.nullable(),
    maxWebhookEndpoints: fields.maxWebhookEndpoints.nullable(),
    maxSessions: fields.maxSessions.nullable(),
    maxCandidaciesPerSession: fields.maxCandidaciesPerSession.nullable(),
    maxStreams: fields.maxStreams.nullable(),
    minTtlMs: fields.minTtlMs.nullable(),
    requestsPerSecond: fields.requestsPerSecond.nullable(),
  })
  .partial()
  .meta({
    id: 'QuotaChange',
    description:
      "Values in place of the plan's. What is left out stays as it is; null follows the plan again.",
  });

export const plan = z
  .enum(PLAN_NAMES)
  .meta({ id: 'Plan', description: 'A named set of quotas; `team` unless said otherwise.' });
