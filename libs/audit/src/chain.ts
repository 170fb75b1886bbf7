import type { Act } from '#core';
import type { AuditEventRow } from './audit-event.entity.js';
import {
  type AuditRecord,
  canonicalText,
  type ChainLink,
  hashOf,
  storable,
  targetIdsOf,
} from './canonical.js';

/** A row as it is stored; `recordedAt` is the database's note and no part of the chain. */
export type StoredEvent = Omit<AuditEventRow, 'recordedAt'>;

/** The event that `act` becomes behind `head`. */
export function eventAfter(head: ChainLink, tenantId: string, act: Act): StoredEvent {
  const { id, action, actor, targets, context, metadata, occurredAt } = act;
  const record: AuditRecord = {
    tenant: tenantId,
    sequence: head.sequence + 1,
    id,
    action,
    actor,
    targets,
    context: act.tenantId !== null && actor.type === 'admin_token' ? withoutOrigin(context) : context,
    ...(metadata !== undefined && { metadata }),
    occurredAt,
  };
  const canonical = canonicalText(record);
  return {
    tenantId,
    sequence: record.sequence,
    id,
    action,
    actorId: storable(actor.id),
    targetIds: targetIdsOf(record),
    occurredAt: new Date(occurredAt),
    canonical,
    previousHash: head.hash,
    hash: hashOf(head.hash, canonical),
  };
}

/** A tenant learns what an operator did and in which request, not the operator's address. */
function withoutOrigin({ requestId }: Act['context']): Act['context'] {
  return requestId === undefined ? {} : { requestId };
}
