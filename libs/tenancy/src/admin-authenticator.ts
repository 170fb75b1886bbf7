import { hash, timingSafeEqual } from 'node:crypto';
import { type Actor, type Clock, IncumbentError } from '#core';
import type { AdminTokenRecord } from '#election';
import { type AdminRole, parseAdminToken } from './admin-token.js';
import { SECRET_LENGTH } from './api-key.js';
import type { SecretHash } from './secret-hash.js';

/** Who calls the admin API, and what it may do. */
export interface Operator {
  actor: Actor;
  role: AdminRole;
}

/** The mirrored admin tokens, held in memory by watch; neither look-up may do any I/O. */
export interface AdminTokenView {
  adminToken(tokenId: string): AdminTokenRecord | undefined;
  adminTokens(): ReadonlyMap<string, AdminTokenRecord>;
}

export interface EnvironmentToken {
  /** The text of ADMIN_TOKEN. */
  text: string;
  /** Accept it only while no admin token with the role `full` is live. */
  bootstrapOnly: boolean;
}

const BEARER = /^Bearer +(\S+)$/i;
const NO_SECRET = '0'.repeat(SECRET_LENGTH);
const NO_HASH = '0'.repeat(64);
const ENVIRONMENT: Operator = { actor: { type: 'admin_token', id: 'environment' }, role: 'full' };

/**
 * Tells who calls the admin API, from memory alone, so that a revocation is in effect on a replica as soon as its
 * watch tells of it. Every refusal of a token is the same error with the same text.
 *
 * The token of the environment works without etcd, Postgres and Redis: it is the way in when nothing else is. With
 * `bootstrapOnly` it opens nothing while a `full` token lives, and opens again when the last one is revoked or has
 * expired, so that nobody is locked out.
 */
export class AdminAuthenticator {
  private readonly environment: Buffer;

  constructor(
    private readonly view: AdminTokenView,
    private readonly secretHash: SecretHash,
    private readonly given: EnvironmentToken,
    private readonly clock: Clock,
  ) {
    this.environment = digest(given.text);
  }

  /**
   * @param authorization the header as it came
   * @throws IncumbentError identity.unauthenticated; store.unavailable while no admin token can be known yet
   */
  authenticate(authorization: string | undefined): Operator {
    const text = BEARER.exec(authorization ?? '')?.[1] ?? '';
    // Digests are of equal length, so the comparison takes the same time wherever they differ.
    if (timingSafeEqual(digest(text), this.environment)) return this.admitEnvironment();
    const operator = this.operatorOf(text);
    if (operator) return operator;
    throw new IncumbentError(
      'identity.unauthenticated',
      'Send "Authorization: Bearer <admin token>" with a token that is neither revoked nor expired; API keys of ' +
        'tenants do not open the admin API.',
    );
  }

  private admitEnvironment(): Operator {
    if (!this.given.bootstrapOnly || !this.hasLiveFullToken()) return ENVIRONMENT;
    throw new IncumbentError(
      'identity.unauthenticated',
      'The token of the environment is accepted only while there is no other with the role full. Use an admin token.',
    );
  }

  private operatorOf(text: string): Operator | undefined {
    const parts = parseAdminToken(text);
    const found = parts && this.view.adminToken(parts.tokenId);
    // Compared where no token was found too, so that an unknown id costs what a wrong secret costs.
    const matches = this.secretHash.matches(parts?.secret ?? NO_SECRET, found?.hash ?? NO_HASH);
    if (!matches || !parts || !found || this.isExpired(found)) return undefined;
    return { actor: { type: 'admin_token', id: parts.tokenId, name: found.name }, role: found.role };
  }

  private hasLiveFullToken(): boolean {
    for (const token of this.view.adminTokens().values())
      if (token.role === 'full' && !this.isExpired(token)) return true;
    return false;
  }

  /** By the wall clock: an expiry is a date that people chose, not a guarantee between machines. */
  private isExpired({ expiresAt }: AdminTokenRecord): boolean {
    return expiresAt !== undefined && Date.parse(expiresAt) <= this.clock.wallTimeMs();
  }
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
