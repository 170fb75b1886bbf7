import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Webhook endpoints with their secrets, and what is owed to them: messages, deliveries, attempts. A lane is the
 * deliveries of one (endpoint, election), in the order of `place`; the pending one with the lowest place is its
 * head. A deleted endpoint keeps its row, marked, so that deleting it is one update however much was owed to it.
 */
export class CreateWebhooks1795240180000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await makeEndpoints(runner);
    await makeMessages(runner);
    await makeDeliveries(runner);
    await makeAttempts(runner);
    await runner.query(`
      GRANT SELECT, INSERT, UPDATE, DELETE
        ON webhook_endpoints, webhook_secrets, webhook_messages, webhook_deliveries, webhook_attempts
        TO incumbent_service`);
    await runner.query('GRANT SELECT, INSERT, UPDATE ON webhook_endpoints TO incumbent_tenant');
    await runner.query('GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_secrets TO incumbent_tenant');
    await runner.query('GRANT SELECT, INSERT ON webhook_messages, webhook_deliveries TO incumbent_tenant');
    // A tenant may ask for an attempt now; everything else about a delivery is for the worker to say.
    await runner.query('GRANT UPDATE (due_at) ON webhook_deliveries TO incumbent_tenant');
    await runner.query('GRANT SELECT ON webhook_attempts TO incumbent_tenant');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES.toReversed()) await runner.query(`DROP TABLE ${table}`);
  }
}

const TABLES = [
  'webhook_endpoints',
  'webhook_secrets',
  'webhook_messages',
  'webhook_deliveries',
  'webhook_attempts',
];

async function makeEndpoints(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE webhook_endpoints (
      tenant_id text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      url text NOT NULL,
      description text,
      events text[] NOT NULL,
      elections text[] NOT NULL,
      mode text NOT NULL DEFAULT 'all',
      include_fencing_token boolean NOT NULL DEFAULT false,
      headers jsonb NOT NULL DEFAULT '{}',
      signature_v1a boolean NOT NULL DEFAULT false,
      timeout_ms integer NOT NULL DEFAULT 10000,
      unstable_threshold integer NOT NULL DEFAULT 2,
      status text NOT NULL DEFAULT 'active',
      disabled_reason text,
      disabled_at timestamptz(3),
      first_failure_at timestamptz(3),
      last_success_at timestamptz(3),
      throttled_until timestamptz(3),
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (tenant_id, id),
      CONSTRAINT webhook_endpoints_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id),
      CONSTRAINT webhook_endpoints_mode_check CHECK (mode IN ('all', 'latest')),
      CONSTRAINT webhook_endpoints_status_check CHECK (status IN ('active', 'paused', 'disabled', 'deleted')),
      CONSTRAINT webhook_endpoints_timeout_check CHECK (timeout_ms BETWEEN 5000 AND 30000)
    )`);
  await runner.query(
    `CREATE INDEX webhook_endpoints_live_idx ON webhook_endpoints (tenant_id, created_at, id)
       WHERE status <> 'deleted'`,
  );
  await runner.query(`
    CREATE TABLE webhook_secrets (
      tenant_id text COLLATE "C" NOT NULL,
      endpoint_id text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      sealed_secret text NOT NULL,
      kind text NOT NULL,
      public_key text,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      expires_at timestamptz(3),
      CONSTRAINT webhook_secrets_pkey PRIMARY KEY (tenant_id, endpoint_id, id),
      CONSTRAINT webhook_secrets_endpoint_fkey FOREIGN KEY (tenant_id, endpoint_id)
        REFERENCES webhook_endpoints (tenant_id, id) ON DELETE CASCADE,
      CONSTRAINT webhook_secrets_kind_check CHECK (kind IN ('v1', 'v1a'))
    )`);
  // One current secret of each kind, whoever rotates at the same moment.
  await runner.query(
    `CREATE UNIQUE INDEX webhook_secrets_current_idx ON webhook_secrets (tenant_id, endpoint_id, kind)
       WHERE expires_at IS NULL`,
  );
  for (const table of ['webhook_endpoints', 'webhook_secrets'])
    await runner.query(`SELECT protect_tenant_rows('${table}')`);
}

async function makeMessages(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE webhook_messages (
      tenant_id text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      election_id text COLLATE "C" NOT NULL,
      election text COLLATE "C" NOT NULL,
      epoch integer NOT NULL,
      sequence bigint NOT NULL,
      type text NOT NULL,
      payload jsonb NOT NULL,
      occurred_at timestamptz(3) NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      CONSTRAINT webhook_messages_pkey PRIMARY KEY (tenant_id, id)
    )`);
  // The latest changes of leader of an election: what tells whether it is unstable.
  await runner.query(
    `CREATE INDEX webhook_messages_type_idx
       ON webhook_messages (tenant_id, election_id, type, epoch, sequence)`,
  );
  // Retention goes by age across all tenants.
  await runner.query('CREATE INDEX webhook_messages_age_idx ON webhook_messages (created_at)');
  await runner.query("SELECT protect_tenant_rows('webhook_messages')");
}

async function makeDeliveries(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE webhook_deliveries (
      tenant_id text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      endpoint_id text COLLATE "C" NOT NULL,
      message_id text COLLATE "C" NOT NULL,
      redelivery integer NOT NULL DEFAULT 0,
      election_id text COLLATE "C" NOT NULL,
      place bigint NOT NULL,
      state text NOT NULL DEFAULT 'pending',
      attempts integer NOT NULL DEFAULT 0,
      due_at timestamptz(3) NOT NULL,
      claimed_by text,
      claimed_until timestamptz(3),
      last_status integer,
      finished_at timestamptz(3),
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (tenant_id, id),
      CONSTRAINT webhook_deliveries_once_key UNIQUE (tenant_id, endpoint_id, message_id, redelivery),
      CONSTRAINT webhook_deliveries_endpoint_fkey FOREIGN KEY (tenant_id, endpoint_id)
        REFERENCES webhook_endpoints (tenant_id, id) ON DELETE CASCADE,
      CONSTRAINT webhook_deliveries_message_fkey FOREIGN KEY (tenant_id, message_id)
        REFERENCES webhook_messages (tenant_id, id) ON DELETE CASCADE,
      CONSTRAINT webhook_deliveries_state_check
        CHECK (state IN ('pending', 'succeeded', 'failed', 'superseded', 'cancelled'))
    )`);
  await runner.query(
    `CREATE INDEX webhook_deliveries_lane_idx
       ON webhook_deliveries (tenant_id, endpoint_id, election_id, place, id) WHERE state = 'pending'`,
  );
  await runner.query(
    'CREATE INDEX webhook_deliveries_endpoint_idx ON webhook_deliveries (tenant_id, endpoint_id, created_at, id)',
  );
  // What can be recovered: few, hopefully, among the many that went well.
  await runner.query(
    `CREATE INDEX webhook_deliveries_lost_idx ON webhook_deliveries (tenant_id, endpoint_id, created_at)
       WHERE state IN ('failed', 'cancelled')`,
  );
  await runner.query(
    'CREATE INDEX webhook_deliveries_created_idx ON webhook_deliveries (tenant_id, created_at, id)',
  );
  await runner.query(
    'CREATE INDEX webhook_deliveries_message_idx ON webhook_deliveries (tenant_id, message_id)',
  );
  await runner.query("SELECT protect_tenant_rows('webhook_deliveries')");
}

async function makeAttempts(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE webhook_attempts (
      tenant_id text COLLATE "C" NOT NULL,
      delivery_id text COLLATE "C" NOT NULL,
      number integer NOT NULL,
      started_at timestamptz(3) NOT NULL,
      connect_ms integer,
      duration_ms integer NOT NULL,
      status integer,
      error text,
      response_headers jsonb,
      response_body text,
      CONSTRAINT webhook_attempts_pkey PRIMARY KEY (tenant_id, delivery_id, number),
      CONSTRAINT webhook_attempts_delivery_fkey FOREIGN KEY (tenant_id, delivery_id)
        REFERENCES webhook_deliveries (tenant_id, id) ON DELETE CASCADE
    )`);
  await runner.query("SELECT protect_tenant_rows('webhook_attempts')");
}
