import { DataSource } from 'typeorm';
import { type Clock, delay, systemClock } from '#core';
import { MIGRATIONS } from '../../../migrations/index.js';
import { failureOf } from './outage.js';

/** Any fixed number; whoever migrates holds the advisory lock of this name, so that two deployments queue. */
const LOCK = 7_400_001;
const WAIT_FOR_DATABASE_MS = 30_000;
const RETRY_MS = 250;

export interface MigrateOptions {
  url: string;
  /** How long to wait for the server to come up. */
  waitMs?: number;
  clock?: Clock;
}

/**
 * Brings the schema up to date and returns the names of the migrations that it ran.
 * @throws the driver's error when the server does not answer in time or a migration fails (which is rolled back)
 */
export async function migrateUp(options: MigrateOptions): Promise<string[]> {
  return locked(options, async (source) => {
    const ran = await source.runMigrations({ transaction: 'each' });
    return ran.map((migration) => migration.name);
  });
}

/** Takes back the newest `steps` migrations; for tests and for a deployment that has to be undone. */
export async function migrateDown(options: MigrateOptions & { steps: number }): Promise<void> {
  await locked(options, async (source) => {
    for (let step = 0; step < options.steps; step++) await source.undoLastMigration({ transaction: 'each' });
  });
}

async function locked<T>(options: MigrateOptions, work: (source: DataSource) => Promise<T>): Promise<T> {
  const source = await connect(options);
  const holder = source.createQueryRunner();
  try {
    await holder.query('SELECT pg_advisory_lock($1)', [LOCK]);
    return await work(source);
  } finally {
    // The lock belongs to the connection and goes with it.
    await holder.release();
    await source.destroy();
  }
}

async function connect(options: MigrateOptions): Promise<DataSource> {
  const clock = options.clock ?? systemClock;
  const endMs = clock.monotonicMs() + (options.waitMs ?? WAIT_FOR_DATABASE_MS);
  for (;;) {
    try {
      return await newSource(options.url).initialize();
    } catch (error) {
      if (failureOf(error) === 'none' || clock.monotonicMs() >= endMs) throw error;
      await delay(RETRY_MS, clock);
    }
  }
}

/** Without statement timeout: building an index may take its time. Two connections: one holds the lock. */
function newSource(url: string): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    applicationName: 'incumbent-migrate',
    migrations: MIGRATIONS,
    migrationsTableName: 'migrations',
    installExtensions: false,
    connectTimeoutMS: 2_000,
    poolSize: 2,
  });
}
