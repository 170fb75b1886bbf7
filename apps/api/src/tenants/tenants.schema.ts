import { SCOPES } from '#tenancy';
import { z } from 'zod';
import { nextCursor, page, timestamp } from '../http/fields.js';
import { plan, quota, quotaOverrides, requestsPerSecond } from '../limits/quota.schema.js';

export const tenantId = z
  .string()
  .regex(/^ten_[a-z0-9]{10,40}$/, 'Must be the id of a tenant: ten_...')
  .meta({ id: 'TenantId', examples: ['ten_2m3n4p5q6r7s8t9v0w1x2y3z'] });

const keyId = z
  .string()
  .regex(/^key_[a-z0-9]{10,40}$/, 'Must be the id of an API key: key_...')
  .meta({ id: 'KeyId', examples: ['key_9z8y7x6w5v4t3s2r1q0p9n8m'] });

export const tenantParams = z.strictObject({ id: tenantId });
export const tenantKeyParams = z.strictObject({ id: tenantId, keyId });
export const keyParams = z.strictObject({ id: keyId });

export const displayName = z
  .string()
  .min(1)
  .max(200)
  .refine((name) => name.trim() === name, 'Must not begin or end with a space.')
  .meta({ description: 'For people.' });

export const tenantStatus = z.enum(['active', 'suspended']).meta({
  id: 'TenantStatus',
  description: '`suspended`: every call but renew and resign is refused, and terms end.',
});

const tenantState = z.enum(['active', 'suspended', 'deleting']).meta({
  id: 'TenantState',
  description: '`deleting`: no key is accepted and no term runs; the data is kept until `purgeAfter`.',
});

export const tenantSearch = z.strictObject({
  ...page.shape,
  search: z.string().min(1).max(200).optional().meta({
    description: 'Only tenants with this text in their name or id, in any case.',
  }),
  status: tenantState.optional(),
});

export const tenant = z
  .object({
    id: tenantId,
    name: displayName,
    status: tenantState,
    plan,
    quota,
    quotaOverrides,
    createdAt: timestamp,
    purgeAfter: timestamp.optional().meta({ description: 'While it is being deleted: how long it is kept.' }),
  })
  .meta({ id: 'Tenant', description: 'A tenant: the unit of isolation and quota.' });

export const tenantPage = z.object({ data: z.array(tenant), nextCursor }).meta({ id: 'TenantPage' });

const scope = z.enum(SCOPES).meta({
  id: 'Scope',
  description:
    '`elections:read`: observe and validate. `elections:campaign`: stand. `elections:manage`: create, change, delete. ' +
    "`keys:manage`: the tenant's API keys. `webhooks:manage`: endpoints and their deliveries. `audit:read`: the tenant's record.",
});

export const electionPrefix = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'Must be the beginning of an election name.')
  .meta({ description: 'Elections whose name does not begin with it look absent to this key.' });

const keyFields = {
  id: keyId,
  name: displayName,
  scopes: z.array(scope),
  electionPrefix: electionPrefix.optional(),
  expiresAt: timestamp.optional(),
  requestsPerSecond: requestsPerSecond.optional(),
  createdAt: timestamp,
};

export const apiKey = z
  .object(keyFields)
  .meta({ id: 'ApiKey', description: 'An API key without its secret.' });

export const createdApiKey = z
  .object({
    ...keyFields,
    key: z.string().optional().meta({
      description: 'The key itself, shown once: a repeat with the same `Idempotency-Key` comes without it.',
    }),
  })
  .meta({ id: 'CreatedApiKey', description: 'A new API key, with its secret.' });

export const apiKeyPage = z.object({ data: z.array(apiKey), nextCursor }).meta({ id: 'ApiKeyPage' });

export const createApiKeyBody = z
  .strictObject({
    name: displayName,
    scopes: z.array(scope).min(1).max(SCOPES.length).optional().meta({
      description: 'What the key may do; everything about elections and nothing about keys if absent.',
    }),
    electionPrefix: electionPrefix.optional(),
    expiresAt: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: 'The key is refused from then on. RFC 3339.' }),
    requestsPerSecond: requestsPerSecond.optional().meta({
      description: "A rate for this key alone, beside the tenant's, which counts all keys.",
    }),
  })
  .meta({
    id: 'CreateApiKeyRequest',
    examples: [
      {
        name: 'billing in production',
        scopes: ['elections:read', 'elections:campaign'],
        electionPrefix: 'billing',
      },
    ],
  });
