import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The keys that sign fencing tokens and the ledger of tokens that were issued. At most one key per algorithm is
 * active: replicas that start at the same moment cannot both install theirs. The ledger refers to no tenant row,
 * because a proof of what was issued outlives the tenant.
 */
export class CreateFencing1795230060000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE signing_keys (
        kid text COLLATE "C" NOT NULL,
        algorithm text NOT NULL,
        state text NOT NULL,
        public_jwk jsonb NOT NULL,
        sealed_private_key text NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        activated_at timestamptz(3),
        retired_at timestamptz(3),
        expires_at timestamptz(3),
        CONSTRAINT signing_keys_pkey PRIMARY KEY (kid),
        CONSTRAINT signing_keys_algorithm_check CHECK (algorithm IN ('ES256', 'Ed25519')),
        CONSTRAINT signing_keys_state_check CHECK (state IN ('next', 'active', 'retired'))
      )`);
    await runner.query(
      "CREATE UNIQUE INDEX signing_keys_active_idx ON signing_keys (algorithm) WHERE state = 'active'",
    );
    await runner.query(
      "CREATE UNIQUE INDEX signing_keys_next_idx ON signing_keys (algorithm) WHERE state = 'next'",
    );
    await runner.query(`
      CREATE TABLE fencing_tokens (
        tenant_id text COLLATE "C" NOT NULL,
        jti text COLLATE "C" NOT NULL,
        election text COLLATE "C" NOT NULL,
        seat integer NOT NULL,
        epoch integer NOT NULL,
        term bigint NOT NULL,
        fence bigint NOT NULL,
        candidate text NOT NULL,
        kid text NOT NULL,
        issued_at timestamptz(3) NOT NULL,
        expires_at timestamptz(3) NOT NULL,
        CONSTRAINT fencing_tokens_pkey PRIMARY KEY (tenant_id, jti)
      )`);
    await runner.query(
      'CREATE INDEX fencing_tokens_fence_idx ON fencing_tokens (tenant_id, election, seat, fence)',
    );
    await runner.query('CREATE INDEX fencing_tokens_expiry_idx ON fencing_tokens (expires_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE fencing_tokens');
    await runner.query('DROP TABLE signing_keys');
  }
}
