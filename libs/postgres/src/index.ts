/**
 * Postgres: the data source, its outage behaviour and the migrations. It holds what people manage (tenants, keys,
 * settings) and what is kept for later (ledgers), never what decides an election; the service starts and serves
 * elections while it is away.
 */
export type { ActLog } from './act-log.js';
export { type RemovalRule, removeRows, tenantsIn } from './batches.js';
export { type EntityManager, IsNull } from 'typeorm';
export { Database, type DatabaseOptions } from './database.js';
export { decodeCursor, type Page, pageOf, type PageRequest } from './page.js';
export { migrateDown, type MigrateOptions, migrateUp } from './migrations.js';
