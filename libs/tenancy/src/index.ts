/**
 * Tenants, their API keys and their limits. Postgres holds the truth; etcd holds mirrors that replicas keep in
 * memory by watch, so that a call is authenticated without any I/O and a revocation takes effect on every
 * replica as fast as a watch delivers it.
 */
export {
  type ApiKeyParts,
  formatApiKey,
  type KeyEnvironment,
  newApiKey,
  parseApiKey,
  SECRET_LENGTH,
} from './api-key.js';
export { Authenticator, type MirrorView } from './authenticator.js';
export {
  electionNotFound,
  hasScope,
  maySeeElection,
  type Principal,
  requireScope,
  requireVisible,
  type Scope,
  SCOPES,
} from './scopes.js';
export { SecretHash } from './secret-hash.js';
