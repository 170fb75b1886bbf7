import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Plans, and the answers to calls that carry an Idempotency-Key.
 *
 * A quota column holds a tenant's own value; null follows its plan. Tenants that have the values which everybody got
 * until now follow the plan of the same values from here on.
 *
 * `idempotent_requests` remembers for a day who asked what under which key. Operators' calls stand under the tenant
 * id `operator`, which no tenant can have. Running requests have no status; one whose process died lapses at
 * `lapses_at`.
 */
export class CreatePlans1795240240000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE tenants
        ADD COLUMN plan text NOT NULL DEFAULT 'team',
        ADD COLUMN max_webhook_endpoints integer,
        ADD COLUMN max_sessions integer,
        ADD COLUMN max_streams integer,
        ADD COLUMN min_ttl_ms integer,
        ADD COLUMN requests_per_second integer,
        ALTER COLUMN max_elections DROP NOT NULL,
        ALTER COLUMN max_candidates_per_election DROP NOT NULL,
        ALTER COLUMN max_api_keys DROP NOT NULL,
        DROP CONSTRAINT tenants_quota_check,
        ADD CONSTRAINT tenants_quota_check CHECK (
          max_elections >= 0 AND max_candidates_per_election >= 0 AND max_api_keys >= 0 AND
          max_webhook_endpoints >= 0 AND max_sessions >= 0 AND max_streams >= 0 AND min_ttl_ms >= 0 AND
          requests_per_second >= 1)`);
    await runner.query(`
      UPDATE tenants SET max_elections = nullif(max_elections, 1000),
        max_candidates_per_election = nullif(max_candidates_per_election, 1000),
        max_api_keys = nullif(max_api_keys, 50)`);
    await runner.query('ALTER TABLE api_keys ADD COLUMN requests_per_second integer');
    await runner.query(`
      CREATE TABLE idempotent_requests (
        tenant_id text COLLATE "C" NOT NULL,
        operation text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        fingerprint text NOT NULL,
        request_id text NOT NULL,
        attempt integer NOT NULL DEFAULT 1,
        status integer,
        headers jsonb,
        body jsonb,
        lapses_at timestamptz(3) NOT NULL,
        created_at timestamptz(3) NOT NULL,
        CONSTRAINT idempotent_requests_pkey PRIMARY KEY (tenant_id, operation, key)
      )`);
    await runner.query('CREATE INDEX idempotent_requests_age_idx ON idempotent_requests (created_at)');
    await runner.query("SELECT protect_tenant_rows('idempotent_requests')");
    await runner.query(
      'GRANT SELECT, INSERT, UPDATE, DELETE ON idempotent_requests TO incumbent_service, incumbent_tenant',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE idempotent_requests');
    await runner.query('ALTER TABLE api_keys DROP COLUMN requests_per_second');
    await runner.query(`
      UPDATE tenants SET max_elections = coalesce(max_elections, 1000),
        max_candidates_per_election = coalesce(max_candidates_per_election, 1000),
        max_api_keys = coalesce(max_api_keys, 50)`);
    await runner.query(`
      ALTER TABLE tenants
        DROP CONSTRAINT tenants_quota_check,
        DROP COLUMN plan,
        DROP COLUMN max_webhook_endpoints,
        DROP COLUMN max_sessions,
        DROP COLUMN max_streams,
        DROP COLUMN min_ttl_ms,
        DROP COLUMN requests_per_second,
        ALTER COLUMN max_elections SET NOT NULL,
        ALTER COLUMN max_candidates_per_election SET NOT NULL,
        ALTER COLUMN max_api_keys SET NOT NULL,
        ADD CONSTRAINT tenants_quota_check
          CHECK (max_elections >= 0 AND max_candidates_per_election >= 0 AND max_api_keys >= 0)`);
  }
}
