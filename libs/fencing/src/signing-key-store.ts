import type { Database, EntityManager } from '#postgres';
import type { Algorithm } from './claims.js';
import { type SigningKeyRow, SigningKeys } from './signing-key.entity.js';
import { importVerifyingKey, type PublishedJwk, type StoredKey } from './signing-key.js';

/** Any fixed number; held by whoever changes which key is next or active. */
const LOCK = 7_400_002;

/** Called last in the transaction of a change, for its record; what it throws undoes the change. */
type Recording = (rows: EntityManager, kid: string) => Promise<void>;

const unrecorded: Recording = async () => undefined;

/**
 * Erases the private part of keys that have left the JWKS, and answers of how many. The public part stays: with it
 * what was signed can be checked for as long as somebody keeps it.
 * @throws IncumbentError database.unavailable
 */
export async function eraseExpiredKeys(database: Database): Promise<number> {
  const erased = await database.run((rows) =>
    rows.query<{ erased: number }[]>(
      `WITH erased AS (
         UPDATE signing_keys SET sealed_private_key = ''
          WHERE state = 'retired' AND expires_at < now() AND sealed_private_key <> '' RETURNING 1)
       SELECT count(*)::int AS erased FROM erased`,
    ),
  );
  return erased[0]?.erased ?? 0;
}

/** The signing keys in Postgres. Every change happens under one lock, so that replicas agree on one active key. */
export class SigningKeyStore {
  constructor(private readonly database: Database) {}

  async list(): Promise<SigningKeyRow[]> {
    return this.database.run((rows) => rows.find(SigningKeys, { order: { createdAt: 'DESC', kid: 'ASC' } }));
  }

  /** Every public key there is, also of keys that have left the JWKS: what they signed may have been kept. */
  async publicKeys(): Promise<PublishedJwk[]> {
    const keys = await Promise.all((await this.list()).map((stored) => importVerifyingKey(stored)));
    return keys.map(({ published }) => published);
  }

  /** Stores `key` as the active one unless another replica was first; answers whichever is active now. */
  async addFirst(key: StoredKey): Promise<StoredKey> {
    return this.locked(async (rows) => {
      const active = await rows.findOneBy(SigningKeys, { algorithm: key.algorithm, state: 'active' });
      if (active) return active;
      await rows.insert(SigningKeys, { ...key, state: 'active', activatedAt: () => 'now()' });
      return { ...key, state: 'active' };
    });
  }

  /** Publishes `key` as the next one unless one waits already; answers whichever is next now. */
  async addNext(key: StoredKey, recorded: Recording = unrecorded): Promise<StoredKey> {
    return this.locked(async (rows) => {
      const next = await rows.findOneBy(SigningKeys, { algorithm: key.algorithm, state: 'next' });
      if (next) return next;
      await rows.insert(SigningKeys, { ...key, state: 'next' });
      await recorded(rows, key.kid);
      return { ...key, state: 'next' };
    });
  }

  /** Whether the active key has signed for `ms` at least. */
  async isOlderThan(algorithm: Algorithm, ms: number): Promise<boolean> {
    return this.database.run(async (rows) => {
      const found = await rows.query<unknown[]>(
        `SELECT 1 FROM signing_keys WHERE algorithm = $1 AND state = 'active'
           AND activated_at <= now() - $2 * interval '1 millisecond'`,
        [algorithm, ms],
      );
      return found.length > 0;
    });
  }

  /**
   * Makes the next key the active one, if it has been published for `publishedForMs` at least. The old one stays
   * published for `keepMs`. Answers whether it happened.
   */
  async promote(
    { algorithm, publishedForMs, keepMs }: { algorithm: Algorithm; publishedForMs: number; keepMs: number },
    recorded: Recording = unrecorded,
  ): Promise<boolean> {
    return this.locked(async (rows) => {
      const ripe: { kid: string }[] = await rows.query(
        `SELECT kid FROM signing_keys WHERE algorithm = $1 AND state = 'next'
           AND created_at <= now() - $2 * interval '1 millisecond'`,
        [algorithm, publishedForMs],
      );
      const [next] = ripe;
      if (!next) return false;
      await rows.query(
        `UPDATE signing_keys SET state = 'retired', retired_at = now(),
           expires_at = now() + $2 * interval '1 millisecond' WHERE algorithm = $1 AND state = 'active'`,
        [algorithm, keepMs],
      );
      await rows.query(`UPDATE signing_keys SET state = 'active', activated_at = now() WHERE kid = $1`, [
        next.kid,
      ]);
      await recorded(rows, next.kid);
      return true;
    });
  }

  /** Removes a key for good, unless `judge`, which is shown its row, throws. */
  async remove(
    kid: string,
    judge: (rows: EntityManager, row: SigningKeyRow | null) => Promise<void>,
  ): Promise<void> {
    await this.locked(async (rows) => {
      const row = await rows.findOneBy(SigningKeys, { kid });
      await rows.delete(SigningKeys, { kid });
      await judge(rows, row);
    });
  }

  private async locked<T>(work: (rows: EntityManager) => Promise<T>): Promise<T> {
    return this.database.transaction(async (rows) => {
      await rows.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
      return work(rows);
    });
  }
}
