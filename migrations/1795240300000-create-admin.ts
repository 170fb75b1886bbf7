import type { MigrationInterface, QueryRunner } from 'typeorm';

/** `purge_after` stays set until the last row is gone, so that a purge that was cut off is found again. */
const DELETING =
  "(status = 'deleting') = (status_before IS NOT NULL) AND (status <> 'deleting' OR purge_after IS NOT NULL)";

/**
 * Admin tokens, which are no tenant's; and a grace period between the deletion of a tenant and the end of its rows.
 * Tenants that were deleted before there was one get seven days from now. Their keys were revoked then and stay so.
 */
export class CreateAdmin1795240300000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE admin_tokens (
        id text COLLATE "C" NOT NULL,
        name text NOT NULL,
        hash text NOT NULL,
        role text NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        expires_at timestamptz(3),
        revoked_at timestamptz(3),
        CONSTRAINT admin_tokens_pkey PRIMARY KEY (id),
        CONSTRAINT admin_tokens_role_check CHECK (role IN ('read_only', 'full'))
      )`);
    await runner.query(
      'CREATE INDEX admin_tokens_live_idx ON admin_tokens (created_at, id) WHERE revoked_at IS NULL',
    );
    await runner.query('GRANT SELECT, INSERT, UPDATE, DELETE ON admin_tokens TO incumbent_service');
    await runner.query(`
      ALTER TABLE tenants
        ADD COLUMN status_before text,
        ADD COLUMN purge_after timestamptz(3),
        DROP CONSTRAINT tenants_status_check,
        ADD CONSTRAINT tenants_status_check CHECK (status IN ('active', 'suspended', 'deleting', 'deleted'))`);
    await runner.query(`
      UPDATE tenants SET status = 'deleting', status_before = 'active', purge_after = now() + interval '7 days'
        WHERE status = 'deleted'`);
    await runner.query(`ALTER TABLE tenants ADD CONSTRAINT tenants_deleting_check CHECK (${DELETING})`);
    await runner.query(
      'CREATE INDEX tenants_purge_idx ON tenants (purge_after) WHERE purge_after IS NOT NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX tenants_purge_idx');
    await runner.query('ALTER TABLE tenants DROP CONSTRAINT tenants_deleting_check');
    // The schema before knows no way back: whoever was deleted stays so, and their keys stop for good.
    await runner.query(`
      UPDATE api_keys SET revoked_at = now() FROM tenants
        WHERE tenants.id = api_keys.tenant_id AND tenants.status = 'deleting' AND revoked_at IS NULL`);
    await runner.query("UPDATE tenants SET status = 'deleted' WHERE status = 'deleting'");
    await runner.query(`
      ALTER TABLE tenants
        DROP COLUMN status_before,
        DROP COLUMN purge_after,
        DROP CONSTRAINT tenants_status_check,
        ADD CONSTRAINT tenants_status_check CHECK (status IN ('active', 'suspended', 'deleted'))`);
    await runner.query('DROP TABLE admin_tokens');
  }
}
