import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A quota on how many elections one session may stand in; null follows the plan. */
export class LimitCandidacies1795250000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE tenants
        ADD COLUMN max_candidacies_per_session integer,
        ADD CONSTRAINT tenants_candidacies_check CHECK (max_candidacies_per_session >= 0)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE tenants DROP COLUMN max_candidacies_per_session');
  }
}
