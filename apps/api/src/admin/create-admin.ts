import type { Config } from '#config';
import { systemClock } from '#core';
import { ClusterInspector, type Engine } from '#etcd';
import { DEFAULT_LIFETIME_MS, KeyRotation, KeySealer, SigningKeyStore } from '#fencing';
import type { ActLog, Database } from '#postgres';
import type { RedisLink } from '#queue';
import { TenantExport } from '#tenancy';
import type { Drain } from '../http/drain.js';
import { TenantExportStream } from '../tenants/tenant-export-stream.js';
import { ClusterReporter } from './cluster-report.js';

interface AdminParts {
  acts: ActLog;
  engine: Engine;
  database: Database;
  redis: RedisLink;
  drain: Drain;
}

/** What only operators use. */
export function createAdmin(config: Config, { acts, engine, database, redis, drain }: AdminParts) {
  const inspector = new ClusterInspector({
    endpoints: config.ETCD_ENDPOINTS,
    prefix: config.ETCD_PREFIX,
    databaseLimitBytes: config.ETCD_DB_LIMIT_BYTES,
  });
  return {
    clusterReporter: new ClusterReporter({ inspector, engine, database, redis, clock: systemClock }),
    tenantExports: new TenantExportStream(new TenantExport(database), {
      ...{ database, acts, drain, clock: systemClock },
    }),
    keyRotation: new KeyRotation(
      new SigningKeyStore(database),
      new KeySealer(config.MASTER_KEY),
      { algorithm: config.TOKEN_ALGORITHM, tokenLifetimeMs: DEFAULT_LIFETIME_MS },
      acts,
      systemClock,
    ),
  };
}
