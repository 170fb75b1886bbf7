/**
 * Tenants, their API keys and their limits. Postgres holds the truth; etcd holds mirrors that replicas keep in
 * memory by watch, so that a call is authenticated without any I/O and a revocation takes effect on every
 * replica as fast as a watch delivers it.
 */
import { AdminTokens } from './admin-token.entity.js';
import { ApiKeys } from './api-key.entity.js';
import { Elections } from './election.entity.js';
import { IdempotentRequestRows } from './idempotent-request.entity.js';
import { Tenants } from './tenant.entity.js';

/** The rows of this library, for the data source. */
export const TENANCY_ENTITIES = [Tenants, ApiKeys, AdminTokens, Elections, IdempotentRequestRows];

export {
  AdminAuthenticator,
  type AdminTokenView,
  type EnvironmentToken,
  type Operator,
} from './admin-authenticator.js';
export { ADMIN_ROLES, type AdminRole } from './admin-token.js';
export { type AdminToken, AdminTokenService, type NewAdminToken } from './admin-tokens.js';
export { type KeyEnvironment, SECRET_LENGTH } from './api-key.js';
export {
  type ApiKey,
  ApiKeyService,
  DEFAULT_SCOPES,
  type KeyMaking,
  type KeyViewer,
  type NewApiKey,
} from './api-keys.js';
export { Authenticator, type MirrorView } from './authenticator.js';
export { type CatalogEntry, ElectionCatalog } from './election-catalog.js';
export {
  type Claim,
  fingerprintOf,
  type IdempotentCall,
  IdempotentRequests,
  type StoredAnswer,
} from './idempotent-requests.js';
export { Mirror } from './mirror.js';
export { type Mirrored, MirrorReconciler } from './mirror-reconciler.js';
export { DEFAULT_QUOTA, PLAN_NAMES, type Quota, type QuotaName } from './quota.js';
export { RATE_WINDOW_MS, RateLimits, type RateStanding, type RateVerdict } from './rate-limits.js';
export {
  maySeeElection,
  type Principal,
  requireDelegable,
  hasScope,
  requireScope,
  requireVisible,
  type Scope,
  SCOPES,
  requireWholeTenant,
} from './scopes.js';
export { SecretHash } from './secret-hash.js';
export { TenantDeletion } from './tenant-deletion.js';
export { type ExportedRow, TenantExport } from './tenant-export.js';
export { TenantPurge } from './tenant-purge.js';
export { TENANT_TABLES, type TenantTable } from './tenant-tables.js';
export {
  type NewTenant,
  reserveRoom,
  type Tenant,
  type TenantChanges,
  type TenantSearch,
  TenantService,
} from './tenants.js';
export { type LiveCounts, type Usage, UsageReport } from './usage.js';
