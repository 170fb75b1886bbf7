/**
 * The program that brings the database's schema up to date: `node dist/libs/postgres/src/migrate.js`, or with
 * `down` takes back the newest migration. Several at once queue behind an advisory lock; one that finds nothing
 * to do succeeds. Needs DATABASE_URL and nothing else; where the service's login owns no table, MIGRATIONS_DATABASE_URL
 * names the one that does.
 */
import { readSettings } from '#config';
import { createLogger } from '#telemetry';
import { migrateDown, migrateUp } from './migrations.js';

const settings = readSettings('DATABASE_URL', 'MIGRATIONS_DATABASE_URL', 'LOG_LEVEL');
const url = settings.MIGRATIONS_DATABASE_URL ?? settings.DATABASE_URL;
const logger = createLogger({ service: 'migrate', level: settings.LOG_LEVEL });
/** The timers of the clock let a process end; one that waits for its database must stay. */
const awake = setInterval(() => undefined, 60_000);

try {
  if (process.argv[2] === 'down') {
    await migrateDown({ url, steps: 1 });
    logger.info('took back one migration');
  } else {
    const ran = await migrateUp({ url });
    logger.info({ ran }, ran.length > 0 ? 'migrated' : 'schema is up to date');
  }
} catch (error) {
  logger.fatal({ err: error }, 'migration failed; nothing of the failed step was kept');
  process.exitCode = 1;
} finally {
  clearInterval(awake);
}
