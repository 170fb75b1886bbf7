import { z } from 'zod';
import { nextCursor, page, timestamp } from '../http/fields.js';
import { tenantId } from '../tenants/tenants.schema.js';

const reference = {
  id: z.string(),
  name: z.string().optional().meta({ description: 'As people know it, where it has a name.' }),
};

const actor = z
  .object({ type: z.enum(['api_key', 'admin_token', 'participant', 'system']), ...reference })
  .meta({ id: 'AuditActor', description: 'Who did it. `system` is the service itself.' });

const target = z
  .object({
    type: z.string().meta({ description: 'Such as `tenant`, `api_key`, `election`, `webhook_endpoint`.' }),
    ...reference,
  })
  .meta({ id: 'AuditTarget', description: 'What it was done to.' });

const context = z
  .object({ requestId: z.string().optional(), ip: z.string().optional(), userAgent: z.string().optional() })
  .meta({ id: 'AuditContext', description: 'Where the call came from; of an operator only its request.' });

const sha256 = z.string().meta({ description: 'SHA-256 in hex.' });

export const auditEvent = z
  .object({
    id: z.string(),
    tenant: z.string().meta({ description: 'The tenant, or `platform`.' }),
    sequence: z.int().meta({ description: 'Dense per tenant, from 1: the order of the record.' }),
    action: z.string().meta({ description: '`noun.verb_in_past`.', examples: ['api_key.created'] }),
    actor,
    targets: z.array(target),
    context,
    metadata: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'What changed. Never a secret.' }),
    occurredAt: timestamp,
    previousHash: sha256.meta({ description: 'The hash of the event before; 64 zeros for the first.' }),
    hash: sha256.meta({
      description:
        'SHA-256 over the 32 bytes of `previousHash` and this event without `previousHash` and `hash`, as RFC 8785 spells it.',
    }),
  })
  .meta({ id: 'AuditEvent', description: 'One act on record.' });

export const auditPage = z.object({ data: z.array(auditEvent), nextCursor }).meta({ id: 'AuditPage' });

export const auditCheckpoint = z
  .object({
    tenant: z.string(),
    sequence: z.int().meta({ description: 'Of the last event; 0 while there is none.' }),
    hash: sha256,
    signedAt: timestamp,
    token: z.string().meta({
      description:
        'The same, signed: a JWT of the type `incumbent-audit-checkpoint+jwt` under a key of `/.well-known/jwks.json`.',
    }),
  })
  .meta({ id: 'AuditCheckpoint', description: 'Where the chain ends at this moment. Keep it elsewhere.' });

const time = (description: string) =>
  z.iso
    .datetime({ offset: true, error: 'Must be a time such as 2026-11-21T09:30:00Z.' })
    .optional()
    .meta({ description });

const filter = {
  action: z
    .string()
    .regex(/^[a-z_]{1,64}\.[a-z_]{1,64}$/, 'Must be an action such as api_key.created.')
    .optional()
    .meta({ description: 'Only this action.' }),
  actor: z.string().min(1).max(253).optional().meta({ description: 'Only what this actor did, by its id.' }),
  target: z.string().min(1).max(253).optional().meta({
    description: 'Only what was done to this, by its id or name.',
  }),
  from: time('Only what occurred then or later.'),
  to: time('Only what occurred before.'),
};

const order = z
  .enum(['newest', 'oldest'])
  .optional()
  .meta({ description: 'Which come first; `newest` if absent.' });

export const auditQuery = z.strictObject({ ...page.shape, ...filter, order });
export const adminAuditQuery = z.strictObject({
  tenantId: tenantId.optional().meta({ description: 'Whose record; that of the platform itself if absent.' }),
  ...auditQuery.shape,
});
export const adminCheckpointQuery = adminAuditQuery.pick({ tenantId: true });
