import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Tenants, their API keys and the managed copy of their elections. Every table but `tenants` leads with
 * tenant_id in its key and its indexes, so that rows of one tenant lie together and can be fenced off by policy.
 * Times have milliseconds, as on the wire, so that a cursor made of one finds its row again.
 */
export class CreateTenancy1795230000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE tenants (
        id text COLLATE "C" NOT NULL,
        name text NOT NULL,
        status text NOT NULL DEFAULT 'active',
        max_elections integer NOT NULL,
        max_candidates_per_election integer NOT NULL,
        max_api_keys integer NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now(),
        CONSTRAINT tenants_pkey PRIMARY KEY (id),
        CONSTRAINT tenants_status_check CHECK (status IN ('active', 'suspended', 'deleted')),
        CONSTRAINT tenants_quota_check
          CHECK (max_elections >= 0 AND max_candidates_per_election >= 0 AND max_api_keys >= 0)
      )`);
    await runner.query('CREATE INDEX tenants_created_idx ON tenants (created_at, id)');
    await runner.query(`
      CREATE TABLE api_keys (
        tenant_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        name text NOT NULL,
        hash text NOT NULL,
        scopes text[] NOT NULL,
        election_prefix text COLLATE "C",
        expires_at timestamptz(3),
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        revoked_at timestamptz(3),
        CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT api_keys_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id)
      )`);
    await runner.query(
      'CREATE INDEX api_keys_live_idx ON api_keys (tenant_id, created_at, id) WHERE revoked_at IS NULL',
    );
    await runner.query(`
      CREATE TABLE elections (
        tenant_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        settings jsonb NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now(),
        CONSTRAINT elections_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT elections_name_key UNIQUE (tenant_id, name),
        CONSTRAINT elections_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE elections');
    await runner.query('DROP TABLE api_keys');
    await runner.query('DROP TABLE tenants');
  }
}
