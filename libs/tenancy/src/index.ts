/**
 * Tenants, their API keys and their limits. Postgres holds the truth; etcd holds mirrors that replicas keep in
 * memory by watch, so that a call is authenticated without any I/O and a revocation takes effect on every
 * replica as fast as a watch delivers it.
 */
import { ApiKeys } from './api-key.entity.js';
import { Elections } from './election.entity.js';
import { Tenants } from './tenant.entity.js';

/** The rows of this library, for the data source. */
export const TENANCY_ENTITIES = [Tenants, ApiKeys, Elections];

export { type KeyEnvironment, SECRET_LENGTH } from './api-key.js';
export { type ApiKey, ApiKeyService, DEFAULT_SCOPES, type KeyMaking, type NewApiKey } from './api-keys.js';
export { Authenticator, type MirrorView } from './authenticator.js';
export { type CatalogEntry, ElectionCatalog } from './election-catalog.js';
export { Mirror } from './mirror.js';
export { type Mirrored, MirrorReconciler } from './mirror-reconciler.js';
export type { Page, PageRequest } from './page.js';
export { DEFAULT_QUOTA, type Quota } from './quota.js';
export {
  maySeeElection,
  type Principal,
  requireDelegable,
  requireScope,
  requireVisible,
  type Scope,
  SCOPES,
} from './scopes.js';
export { SecretHash } from './secret-hash.js';
export { type Tenant, type TenantChanges, TenantService } from './tenants.js';
