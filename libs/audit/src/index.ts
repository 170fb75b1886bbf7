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
export {
  type AuditEvent,
  type AuditFilter,
  type AuditOrder,
  type AuditPageRequest,
  AuditReader,
} from './audit-reader.js';
export { AuditRetention } from './audit-retention.js';
export { AuditVerifier, type ReadCheckpoint, type SeenHead, type StoredVerdict } from './audit-verifier.js';
export { type ChainLink, PLATFORM_CHAIN } from './canonical.js';
export {
  AuditCheckpoints,
  type Checkpoint,
  CHECKPOINT_TYPE,
  type CheckpointSigner,
  checkpointSchema,
} from './checkpoints.js';
