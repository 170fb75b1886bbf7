import type { Database } from '#postgres';
import type { Algorithm } from './claims.js';
import { SigningKeys } from './signing-key.entity.js';
import type { StoredKey } from './signing-key.js';

/** Any fixed number; held by whoever changes which key is next or active. */
const LOCK = 7_400_002;

/** The signing keys in Postgres. Every change happens under one lock, so that replicas agree on one active key. */
export class SigningKeyStore {
  constructor(private readonly database: Database) {}

  async list(): Promise<StoredKey[]> {
    return this.database.run((rows) => rows.find(SigningKeys, { order: { createdAt: 'DESC', kid: 'ASC' } }));
  }

  /** Stores `key` as the active one unless another replica was first; answers whichever is active now. */
  async addFirst(key: StoredKey): Promise<StoredKey> {
    return this.database.transaction(async (rows) => {
      await rows.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
      const active = await rows.findOneBy(SigningKeys, { algorithm: key.algorithm, state: 'active' });
      if (active) return active;
      await rows.insert(SigningKeys, { ...key, state: 'active', activatedAt: () => 'now()' });
      return { ...key, state: 'active' };
    });
  }

  /** Publishes `key` as the next one unless one waits already; answers whichever is next now. */
  async addNext(key: StoredKey): Promise<StoredKey> {
    return this.database.transaction(async (rows) => {
      await rows.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
      const next = await rows.findOneBy(SigningKeys, { algorithm: key.algorithm, state: 'next' });
      if (next) return next;
      await rows.insert(SigningKeys, { ...key, state: 'next' });
      return { ...key, state: 'next' };
    });
  }

  /**
   * Makes the next key the active one, if it has been published for `publishedForMs` at least. The old one stays
   * published for `keepMs`. Answers whether it happened.
   */
  async promote(algorithm: Algorithm, publishedForMs: number, keepMs: number): Promise<boolean> {
    return this.database.transaction(async (rows) => {
      await rows.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
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
      return true;
    });
  }
}
