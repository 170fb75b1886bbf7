import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The audit log: one hash chain per tenant, and one of the platform under the id `platform`, which no tenant has.
 *
 * `canonical` is the event, byte for byte as it was hashed; the columns beside it are copies of parts of it, for
 * filters. `recorded_at` is the database's own word, by which retention goes: no role may choose it. The log refers
 * to no tenant row, because it outlives the tenant.
 *
 * The roles of the service may append and move a head forward, and nothing else. Triggers refuse the rest to the
 * owner too; a superuser can switch them off, which is what the chain and its checkpoints are for. Rows leave by
 * `cut_audit_chain` alone: a prefix, older than the retention, with a record of where the chain begins now.
 */
export class CreateAudit1795240120000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createTables(runner);
    await protect(runner);
    await createCut(runner);
    for (const table of TABLES) await runner.query(`SELECT protect_tenant_rows('${table}')`);
    await runner.query(`GRANT SELECT ON ${TABLES.join(', ')} TO incumbent_service, incumbent_tenant`);
    await runner.query(`
      GRANT INSERT (tenant_id, sequence, id, action, actor_id, target_ids, occurred_at, canonical, previous_hash, hash)
        ON audit_events TO incumbent_service, incumbent_tenant`);
    await runner.query(`
      GRANT INSERT (tenant_id), UPDATE (sequence, hash) ON audit_chains TO incumbent_service, incumbent_tenant`);
    await runner.query('GRANT INSERT ON audit_checkpoints TO incumbent_service');
    await runner.query('REVOKE EXECUTE ON FUNCTION cut_audit_chain(text, integer, integer) FROM PUBLIC');
    await runner.query(
      'GRANT EXECUTE ON FUNCTION cut_audit_chain(text, integer, integer) TO incumbent_service',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION cut_audit_chain(text, integer, integer)');
    await runner.query(`DROP TABLE ${TABLES.join(', ')}`);
    await runner.query(
      'DROP FUNCTION refuse_audit_change(), refuse_audit_removal(), keep_audit_head_forward()',
    );
  }
}

const TABLES = ['audit_events', 'audit_chains', 'audit_cuts', 'audit_checkpoints'];

async function createTables(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE audit_events (
      tenant_id text COLLATE "C" NOT NULL,
      sequence bigint NOT NULL,
      id text COLLATE "C" NOT NULL,
      action text COLLATE "C" NOT NULL,
      actor_id text COLLATE "C" NOT NULL,
      target_ids text[] COLLATE "C" NOT NULL,
      occurred_at timestamptz(3) NOT NULL,
      recorded_at timestamptz(3) NOT NULL DEFAULT now(),
      canonical text NOT NULL,
      previous_hash text COLLATE "C" NOT NULL,
      hash text COLLATE "C" NOT NULL,
      CONSTRAINT audit_events_pkey PRIMARY KEY (tenant_id, sequence),
      CONSTRAINT audit_events_id_key UNIQUE (tenant_id, id)
    )`);
  await runner.query('CREATE INDEX audit_events_action_idx ON audit_events (tenant_id, action, sequence)');
  await runner.query('CREATE INDEX audit_events_actor_idx ON audit_events (tenant_id, actor_id, sequence)');
  await runner.query('CREATE INDEX audit_events_time_idx ON audit_events (tenant_id, occurred_at)');
  // Ids are unique across tenants; a name that two tenants share costs the query a filter, never a leak.
  await runner.query('CREATE INDEX audit_events_targets_idx ON audit_events USING gin (target_ids)');
  await runner.query(`
    CREATE TABLE audit_chains (
      tenant_id text COLLATE "C" NOT NULL,
      sequence bigint NOT NULL DEFAULT 0,
      hash text COLLATE "C" NOT NULL DEFAULT '${'0'.repeat(64)}',
      CONSTRAINT audit_chains_pkey PRIMARY KEY (tenant_id)
    )`);
  await runner.query(`
    CREATE TABLE audit_cuts (
      tenant_id text COLLATE "C" NOT NULL,
      sequence bigint NOT NULL,
      hash text COLLATE "C" NOT NULL,
      cut_at timestamptz(3) NOT NULL DEFAULT now(),
      CONSTRAINT audit_cuts_pkey PRIMARY KEY (tenant_id, sequence)
    )`);
  await runner.query(`
    CREATE TABLE audit_checkpoints (
      tenant_id text COLLATE "C" NOT NULL,
      sequence bigint NOT NULL,
      token text NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (tenant_id, sequence)
    )`);
}

async function protect(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END $$`);
  await runner.query(`
    CREATE FUNCTION refuse_audit_removal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM audit_cuts AS cut WHERE cut.tenant_id = OLD.tenant_id AND cut.sequence >= OLD.sequence) THEN
        RETURN OLD;
      END IF;
      RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END $$`);
  await runner.query(`
    CREATE FUNCTION keep_audit_head_forward() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' AND NEW.sequence = 0 THEN RETURN NEW; END IF;
      IF TG_OP = 'UPDATE' AND NEW.tenant_id = OLD.tenant_id AND NEW.sequence > OLD.sequence THEN RETURN NEW; END IF;
      RAISE EXCEPTION 'the head of an audit chain only moves forward' USING ERRCODE = 'insufficient_privilege';
    END $$`);
  for (const table of ['audit_events', 'audit_cuts', 'audit_checkpoints']) {
    await runner.query(`
      CREATE TRIGGER ${table}_never_change BEFORE UPDATE OR TRUNCATE ON ${table}
        EXECUTE FUNCTION refuse_audit_change()`);
  }
  await runner.query(`
    CREATE TRIGGER audit_events_leave_by_cut BEFORE DELETE ON audit_events
      FOR EACH ROW EXECUTE FUNCTION refuse_audit_removal()`);
  await runner.query(`
    CREATE TRIGGER audit_chains_move_forward BEFORE INSERT OR UPDATE OR DELETE ON audit_chains
      FOR EACH ROW EXECUTE FUNCTION keep_audit_head_forward()`);
  await runner.query(`
    CREATE TRIGGER audit_chains_never_empty BEFORE TRUNCATE ON audit_chains
      EXECUTE FUNCTION refuse_audit_change()`);
}

/** Locks the head first, as whoever appends does: the caller records the cut in the same transaction. */
async function createCut(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE FUNCTION cut_audit_chain(of_tenant text, keep_days integer, most integer)
    RETURNS TABLE (cut_sequence bigint, cut_hash text, removed bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    DECLARE
      oldest_kept timestamptz := now() - make_interval(days => keep_days);
    BEGIN
      IF keep_days IS NULL OR keep_days < 30 THEN
        RAISE EXCEPTION 'the audit log is kept for at least 30 days' USING ERRCODE = 'insufficient_privilege';
      END IF;
      PERFORM FROM audit_chains AS chain WHERE chain.tenant_id = of_tenant FOR UPDATE;
      SELECT old.sequence, old.hash INTO cut_sequence, cut_hash FROM (
        SELECT first.sequence, first.hash, bool_and(first.recorded_at < oldest_kept) OVER (ORDER BY first.sequence) AS go
          FROM (SELECT * FROM audit_events AS event WHERE event.tenant_id = of_tenant ORDER BY event.sequence LIMIT most) AS first
      ) AS old WHERE old.go ORDER BY old.sequence DESC LIMIT 1;
      IF cut_sequence IS NULL THEN RETURN; END IF;
      INSERT INTO audit_cuts (tenant_id, sequence, hash) VALUES (of_tenant, cut_sequence, cut_hash);
      DELETE FROM audit_events AS event WHERE event.tenant_id = of_tenant AND event.sequence <= cut_sequence;
      GET DIAGNOSTICS removed = ROW_COUNT;
      DELETE FROM audit_checkpoints AS seen WHERE seen.tenant_id = of_tenant AND seen.sequence < cut_sequence;
      RETURN NEXT;
    END $$`);
}
