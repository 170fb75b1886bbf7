import { type Act, type Caused, type Clock, IncumbentError, newAct } from '#core';
import {
  type ActLog,
  type Database,
  decodeCursor,
  IsNull,
  type Page,
  pageOf,
  type PageRequest,
} from '#postgres';
import { type AdminTokenRow, AdminTokens } from './admin-token.entity.js';
import { type AdminRole, newAdminToken } from './admin-token.js';
import type { Mirror } from './mirror.js';
import type { SecretHash } from './secret-hash.js';

/** An admin token as people may see it: without its secret. */
export interface AdminToken {
  id: string;
  name: string;
  role: AdminRole;
  /** The admin token that made it, or `environment`. */
  createdBy: string;
  createdAt: Date;
  expiresAt?: Date;
}

export interface NewAdminToken {
  name: string;
  role: AdminRole;
  expiresAt?: Date | undefined;
  /** Given where the call may be repeated: a token of this id is one whose text was never told to anybody. */
  id?: string | undefined;
}

function tokenNotFound(): IncumbentError {
  return new IncumbentError('admin_token.not_found', 'Check the id: there is no admin token with it.');
}

/**
 * Tokens of the admin API. Every change is committed to Postgres, on record there, and then mirrored, as with API
 * keys: whoever repeats a call that answered 503 completes it.
 */
export class AdminTokenService {
  constructor(
    private readonly database: Database,
    private readonly mirror: Mirror,
    private readonly secretHash: SecretHash,
    private readonly acts: ActLog,
    private readonly clock: Clock,
  ) {}

  /** Makes a token. Its text is in the answer and nowhere else, ever. */
  async create(wanted: NewAdminToken, caused: Caused): Promise<AdminToken & { token: string }> {
    const made = newAdminToken(wanted.id);
    const row: AdminTokenRow = {
      id: made.tokenId,
      name: wanted.name,
      hash: this.secretHash.of(made.secret),
      role: wanted.role,
      createdBy: caused.actor.id,
      createdAt: new Date(this.clock.wallTimeMs()),
      expiresAt: wanted.expiresAt ?? null,
      revokedAt: null,
    };
    await this.database.transaction(async (rows) => {
      const { id, hash } = row;
      const before = wanted.id === undefined ? null : await rows.findOneBy(AdminTokens, { id });
      if (before) await rows.update(AdminTokens, { id }, { hash, revokedAt: null });
      else await rows.insert(AdminTokens, row);
      // An attempt that could not be mirrored is on record as revoked: it comes to life on record too.
      if (before?.revokedAt !== null)
        await this.acts.record(rows, [this.act('admin_token.created', row, caused)]);
    });
    try {
      await this.mirror.copyAdminToken(row.id);
    } catch (error) {
      // Nobody will ever see this token's text; it must not come to life later.
      await this.markRevoked(row.id, caused).catch(() => undefined);
      throw error;
    }
    return { ...show(row), token: made.text };
  }

  /** Tokens that are not revoked, in the order of creation. @throws IncumbentError request.invalid_query */
  async list(page: PageRequest): Promise<Page<AdminToken>> {
    const after = page.cursor === undefined ? undefined : decodeCursor(page.cursor);
    const found = await this.database.run((rows) => {
      const query = rows.createQueryBuilder(AdminTokens, 'token').where('token.revokedAt IS NULL');
      if (after) query.andWhere('(token.createdAt, token.id) > (:createdAt, :id)', after);
      return query
        .orderBy({ 'token.createdAt': 'ASC', 'token.id': 'ASC' })
        .limit(page.limit + 1)
        .getMany();
    });
    return pageOf(found, page.limit, show);
  }

  /** @throws IncumbentError admin_token.not_found */
  async get(tokenId: string): Promise<AdminToken> {
    const row = await this.database.run((rows) =>
      rows.findOneBy(AdminTokens, { id: tokenId, revokedAt: IsNull() }),
    );
    if (!row) throw tokenNotFound();
    return show(row);
  }

  /**
   * Ends a token on every replica, as fast as the mirror is watched. Repeating it is harmless.
   * @throws IncumbentError admin_token.not_found for an id that never was
   */
  async revoke(tokenId: string, caused: Caused): Promise<void> {
    await this.markRevoked(tokenId, caused);
    await this.mirror.copyAdminToken(tokenId);
  }

  private async markRevoked(tokenId: string, caused: Caused): Promise<void> {
    await this.database.transaction(async (rows) => {
      const row = await rows.findOne(AdminTokens, {
        where: { id: tokenId },
        lock: { mode: 'pessimistic_write' },
      });
      if (!row) throw tokenNotFound();
      if (row.revokedAt !== null) return;
      await rows.update(AdminTokens, { id: tokenId }, { revokedAt: new Date(this.clock.wallTimeMs()) });
      await this.acts.record(rows, [this.act('admin_token.revoked', row, caused)]);
    });
  }

  private act(action: string, row: AdminTokenRow, caused: Caused): Act {
    const { id, name, role, expiresAt } = row;
    const metadata = { role, ...(expiresAt && { expiresAt: expiresAt.toISOString() }) };
    const targets = [{ type: 'admin_token' as const, id, name }];
    return newAct(caused, { tenantId: null, action, targets, metadata }, this.clock);
  }
}

function show({ id, name, role, createdBy, createdAt, expiresAt }: AdminTokenRow): AdminToken {
  return { id, name, role, createdBy, createdAt, ...(expiresAt && { expiresAt }) };
}
