import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type Clock, systemClock } from '#core';
import { Database, type DatabaseOptions, migrateUp } from '#postgres';
import { createLogger } from '#telemetry';
import { waitUntil } from '#testing';

/** Logs nothing; for what is under test. */
export const silent = createLogger({ service: 'test', level: 'silent' });

export interface FreshDatabase {
  url: string;
  /** Any statement, past the library under test. */
  ask<Row extends object>(statement: string, values?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/** A database of one test file alone, on the server of the run unless another is given. */
export async function freshDatabase({
  migrated = true,
  serverUrl = process.env['TEST_DATABASE_URL'] ?? '',
} = {}): Promise<FreshDatabase> {
  const server = new URL(serverUrl);
  const name = `test_${randomBytes(6).toString('hex')}`;
  await askOnce(server.href, `CREATE DATABASE ${name}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  if (migrated) await migrateUp({ url });
  return {
    url,
    ask: (statement, values) => askOnce(url, statement, values),
    drop: async () => void (await askOnce(server.href, `DROP DATABASE ${name} WITH (FORCE)`)),
  };
}

async function askOnce<Row extends object>(
  url: string,
  statement: string,
  values?: unknown[],
): Promise<Row[]> {
  const connection = new pg.Client({ connectionString: url });
  await connection.connect();
  try {
    return (await connection.query<Row>(statement, values)).rows;
  } finally {
    await connection.end();
  }
}

/** A started and connected database library. */
export async function connectedDatabase(
  url: string,
  entities: NonNullable<DatabaseOptions['entities']> = [],
  clock: Clock = systemClock,
): Promise<Database> {
  const database = new Database({ url, applicationName: 'test', entities }, silent, clock);
  database.start();
  await waitUntil(() => database.available(), { what: 'the database to be connected' });
  return database;
}
