import { type Clock, IncumbentError } from '#core';
import type { ApiKeyRecord, TenantRecord } from '#election';
import { type KeyEnvironment, SECRET_LENGTH, parseApiKey } from './api-key.js';
import type { Principal } from './scopes.js';
import type { SecretHash } from './secret-hash.js';

/** The mirrored records, held in memory by watch; neither look-up may do any I/O (A1). */
export interface MirrorView {
  apiKey(keyId: string): ApiKeyRecord | undefined;
  tenant(tenantId: string): TenantRecord | undefined;
}

const BEARER = /^Bearer +(\S+)$/i;

/** Compared where no key was found, so that an unknown id costs what a wrong secret costs. */
const NO_KEY: ApiKeyRecord = { tenantId: '', hash: '0'.repeat(64), scopes: [] };
const NO_SECRET = '0'.repeat(SECRET_LENGTH);

/**
 * Tells who makes a call, from memory alone. Every refusal is the same error with the same text: whether a key
 * is malformed, unknown, revoked, expired or of a deleted tenant is nobody's business but its owner's.
 *
 * A replica whose mirror has not been loaded yet knows no key; do not let it answer before.
 */
export class Authenticator {
  constructor(
    private readonly mirror: MirrorView,
    private readonly secretHash: SecretHash,
    private readonly environment: KeyEnvironment,
    private readonly clock: Clock,
  ) {}

  /**
   * @param authorization the header as it came
   * @throws IncumbentError identity.unauthenticated
   */
  authenticate(authorization: string | undefined): Principal {
    const principal = this.principalOf(authorization);
    if (principal) return principal;
    throw new IncumbentError(
      'identity.unauthenticated',
      'Send "Authorization: Bearer <API key>" with a key that is neither revoked nor expired.',
    );
  }

  /** The key that a header names, right or not, if there is such a key: for the record of refusals, never to let anybody in. */
  claimed(authorization: string | undefined): { keyId: string; tenantId: string } | undefined {
    const text = BEARER.exec(authorization ?? '')?.[1];
    const parts = text === undefined ? undefined : parseApiKey(text);
    const found = parts && this.mirror.apiKey(parts.keyId);
    return found && { keyId: parts.keyId, tenantId: found.tenantId };
  }

  /** Whether a key that was accepted before still is, and its tenant active: for calls that last. */
  stillAdmits({ keyId, tenantId }: Principal): boolean {
    const record = this.mirror.apiKey(keyId);
    const isLive = record?.tenantId === tenantId && !this.isExpired(record);
    return isLive && this.mirror.tenant(tenantId)?.status === 'active';
  }

  /** What a key that was accepted before may do now, its tenant suspended or not; undefined once it is not accepted. */
  present({ keyId, tenantId }: Principal): Principal | undefined {
    const record = this.mirror.apiKey(keyId);
    const tenant = this.mirror.tenant(tenantId);
    if (record?.tenantId !== tenantId || this.isExpired(record)) return undefined;
    return !tenant || tenant.status === 'deleted' ? undefined : toPrincipal(keyId, record, tenant);
  }

  private principalOf(authorization: string | undefined): Principal | undefined {
    const text = BEARER.exec(authorization ?? '')?.[1];
    const parts = text === undefined ? undefined : parseApiKey(text);
    const found = parts && this.mirror.apiKey(parts.keyId);
    const record = found ?? NO_KEY;
    const matches = this.secretHash.matches(parts?.secret ?? NO_SECRET, record.hash);
    const tenant = this.mirror.tenant(record.tenantId);
    if (!matches || !parts || !found || !tenant || tenant.status === 'deleted') return undefined;
    if (parts.environment !== this.environment || this.isExpired(record)) return undefined;
    return toPrincipal(parts.keyId, record, tenant);
  }

  /** By the wall clock: an expiry is a date that people chose, not a guarantee between machines. */
  private isExpired(record: ApiKeyRecord): boolean {
    return record.expiresAt !== undefined && Date.parse(record.expiresAt) <= this.clock.wallTimeMs();
  }
}

function toPrincipal(keyId: string, record: ApiKeyRecord, tenant: TenantRecord): Principal {
  return {
    keyId,
    tenantId: record.tenantId,
    scopes: record.scopes,
    ...(record.electionPrefix === undefined ? {} : { electionPrefix: record.electionPrefix }),
    ...(record.expiresAt === undefined ? {} : { expiresAt: record.expiresAt }),
    ...(record.requestsPerSecond === undefined ? {} : { requestsPerSecond: record.requestsPerSecond }),
    suspended: tenant.status === 'suspended',
  };
}
