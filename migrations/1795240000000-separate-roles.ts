import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Three roles instead of one. The owner runs migrations and nothing else. `incumbent_service` is what operators'
 * calls and the worker act as: every tenant's rows, but no table is its own. `incumbent_tenant` is what a tenant's
 * call acts as: only rows whose tenant_id is the setting `app.tenant` of its transaction, whatever a query forgot.
 *
 * Roles belong to the server, not to the database: another deployment beside this one may make them at the same
 * moment, and taking the migration back leaves them. `protect_tenant_rows` is called by every later migration that
 * makes a table of tenants.
 */
export class SeparateRoles1795240000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const role of ['incumbent_service', 'incumbent_tenant']) await makeRole(runner, role);
    await runner.query(`
      CREATE FUNCTION protect_tenant_rows(target regclass, tenant_column text DEFAULT 'tenant_id')
      RETURNS void LANGUAGE plpgsql AS $$
      DECLARE
        own text := format('%I = current_setting(''app.tenant'', true)', tenant_column);
      BEGIN
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
        EXECUTE format('CREATE POLICY of_tenant ON %s TO incumbent_tenant USING (%s) WITH CHECK (%s)', target, own, own);
        EXECUTE format('CREATE POLICY of_service ON %s TO incumbent_service USING (true) WITH CHECK (true)', target);
      END $$`);
    await runner.query("SELECT protect_tenant_rows('tenants', 'id')");
    for (const table of ['api_keys', 'elections', 'fencing_tokens'])
      await runner.query(`SELECT protect_tenant_rows('${table}')`);
    await runner.query(`
      GRANT SELECT, INSERT, UPDATE, DELETE ON tenants, api_keys, elections, signing_keys, fencing_tokens
        TO incumbent_service`);
    await runner.query('GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys, elections TO incumbent_tenant');
    // To lock its own row while a quota is counted takes the right to change a column of it.
    await runner.query('GRANT SELECT, UPDATE (updated_at) ON tenants TO incumbent_tenant');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['tenants', 'api_keys', 'elections', 'fencing_tokens']) {
      await runner.query(`DROP POLICY of_tenant ON ${table}`);
      await runner.query(`DROP POLICY of_service ON ${table}`);
      await runner.query(`ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`);
    }
    await runner.query(`
      REVOKE ALL ON tenants, api_keys, elections, signing_keys, fencing_tokens
        FROM incumbent_service, incumbent_tenant`);
    await runner.query('DROP FUNCTION protect_tenant_rows(regclass, text)');
  }
}

/** Two that make the same role at once: one of them is told so by one of these, and finds it made. */
async function makeRole(runner: QueryRunner, role: string): Promise<void> {
  await runner.query(`
    DO $$
    BEGIN
      FOR attempt IN 1..20 LOOP
        BEGIN
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN
            CREATE ROLE ${role} NOLOGIN;
          END IF;
          IF NOT pg_has_role(current_user, '${role}', 'MEMBER') THEN
            EXECUTE format('GRANT ${role} TO %I', current_user);
          END IF;
          EXIT;
        EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN
          IF attempt = 20 THEN RAISE; END IF;
          PERFORM pg_sleep(0.05);
        END;
      END LOOP;
    END $$`);
}
