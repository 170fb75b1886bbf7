/**
 * The audit log: what was done, by whom and from where, one hash chain per tenant. Every event carries the hash of
 * the one before, so that a changed, removed, inserted or reordered row shows; a signed head that somebody else
 * keeps is what shows that a whole chain was rewritten.
 */
import { AuditChains, AuditCheckpointRows, AuditCuts } from './audit-chain.entity.js';
import { AuditEvents } from './audit-event.entity.js';

/** The rows of this library, for the data source. */
export const AUDIT_ENTITIES = [AuditEvents, AuditChains, AuditCuts, AuditCheckpointRows];

export { AuditLog } from './audit-log.js';
