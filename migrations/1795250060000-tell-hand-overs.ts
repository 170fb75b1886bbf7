import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which hand-over a change of leadership belongs to; null where none did. */
export class TellHandOvers1795250060000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE leadership_events ADD COLUMN hand_over_id text COLLATE "C"');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE leadership_events DROP COLUMN hand_over_id');
  }
}
