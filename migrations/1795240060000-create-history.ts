import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The record of leadership: every event, every term, how far each election is recorded, and the fence of the relay
 * that writes them. No row refers to a tenant's: who led when outlives the tenant, until retention removes it.
 *
 * `revision`, that of the change in the coordination store, orders the events of a tenant across its elections within
 * an epoch.
 */
export class CreateHistory1795240060000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createEvents(runner);
    await createTerms(runner);
    await runner.query(`
      CREATE TABLE history_progress (
        tenant_id text COLLATE "C" NOT NULL,
        election_id text COLLATE "C" NOT NULL,
        epoch integer NOT NULL,
        sequence bigint NOT NULL,
        CONSTRAINT history_progress_pkey PRIMARY KEY (tenant_id, election_id)
      )`);
    await runner.query(`
      CREATE TABLE relay_fence (
        id integer NOT NULL,
        fence bigint NOT NULL,
        CONSTRAINT relay_fence_pkey PRIMARY KEY (id),
        CONSTRAINT relay_fence_one_check CHECK (id = 1)
      )`);
    await runner.query('INSERT INTO relay_fence (id, fence) VALUES (1, 0)');
    for (const table of ['leadership_events', 'leadership_terms', 'history_progress'])
      await runner.query(`SELECT protect_tenant_rows('${table}')`);
    await runner.query(`
      GRANT SELECT, INSERT, UPDATE, DELETE ON leadership_events, leadership_terms, history_progress
        TO incumbent_service`);
    await runner.query('GRANT SELECT ON leadership_events, leadership_terms TO incumbent_tenant');
    await runner.query('GRANT SELECT, UPDATE (fence) ON relay_fence TO incumbent_service');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['relay_fence', 'history_progress', 'leadership_terms', 'leadership_events'])
      await runner.query(`DROP TABLE ${table}`);
  }
}

async function createEvents(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE leadership_events (
      tenant_id text COLLATE "C" NOT NULL,
      election_id text COLLATE "C" NOT NULL,
      epoch integer NOT NULL,
      sequence bigint NOT NULL,
      revision bigint NOT NULL DEFAULT 0,
      id text COLLATE "C" NOT NULL,
      type text COLLATE "C" NOT NULL,
      election text COLLATE "C" NOT NULL,
      seat integer NOT NULL,
      term bigint NOT NULL,
      fence bigint NOT NULL,
      leader jsonb,
      previous_leader jsonb,
      reason text COLLATE "C",
      caused_by jsonb,
      occurred_at timestamptz(3) NOT NULL,
      missing_before bigint NOT NULL DEFAULT 0,
      CONSTRAINT leadership_events_pkey PRIMARY KEY (tenant_id, election_id, epoch, sequence)
    )`);
  await runner.query(
    'CREATE INDEX leadership_events_revision_idx ON leadership_events (tenant_id, epoch, revision)',
  );
  await runner.query('CREATE INDEX leadership_events_time_idx ON leadership_events (tenant_id, occurred_at)');
}

async function createTerms(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE leadership_terms (
      tenant_id text COLLATE "C" NOT NULL,
      election_id text COLLATE "C" NOT NULL,
      seat integer NOT NULL,
      epoch integer NOT NULL,
      term bigint NOT NULL,
      fence bigint NOT NULL,
      name text COLLATE "C" NOT NULL,
      leader jsonb,
      started_at timestamptz(3),
      ended_at timestamptz(3),
      reason text COLLATE "C",
      caused_by jsonb,
      vacancy_ms bigint,
      reconstructed boolean NOT NULL DEFAULT false,
      missing_before bigint NOT NULL DEFAULT 0,
      CONSTRAINT leadership_terms_pkey PRIMARY KEY (tenant_id, election_id, seat, epoch, term)
    )`);
  await runner.query(
    'CREATE INDEX leadership_terms_fence_idx ON leadership_terms (tenant_id, election_id, fence, seat)',
  );
  await runner.query('CREATE INDEX leadership_terms_time_idx ON leadership_terms (tenant_id, ended_at)');
}
