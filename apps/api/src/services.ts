import { hkdfSync } from 'node:crypto';
import type { Config } from '#config';
import { newId, systemClock, withDeadline } from '#core';
import { Replica } from '#election';
import { EtcdElectionStore } from '#etcd';
import {
  DEFAULT_LIFETIME_MS,
  FENCING_ENTITIES,
  FencingTokens,
  type FencingTokensOptions,
  KeyRing,
  KeySealer,
  ledgerEntryOf,
  SigningKeyStore,
} from '#fencing';
import { Database } from '#postgres';
import { RedisLink, TokenLedgerQueue } from '#queue';
import { createLogger, createMetrics, type Logger, type Metrics } from '#telemetry';
import {
  ApiKeyService,
  Authenticator,
  ElectionCatalog,
  Mirror,
  MirrorReconciler,
  SECRET_LENGTH,
  SecretHash,
  TENANCY_ENTITIES,
  TenantService,
} from '#tenancy';
import { Engine } from './elections/engine.js';
import { ManagedCopy } from './elections/managed-copy.js';
import { eventMeter, storeMeter } from './elections/store-metrics.js';
import { StreamRegistry } from './elections/stream-registry.js';
import { TokenIssuer } from './fencing/token-issuer.js';
import type { Dependencies } from './health/dependencies.js';
import { AccessLog } from './http/access-log.js';
import { CallFactory } from './http/call.js';
import { Drain } from './http/drain.js';
import { Gate } from './http/gate.js';
import { ProblemFilter } from './http/problem.filter.js';
import { RouteTable } from './http/route-table.js';
import type { Edge } from './http/server.js';

export type Services = ReturnType<typeof createServices>;

/** Every object of the process, made and connected by hand; nothing runs yet. */
export function createServices(config: Config) {
  const logger = createLogger({ service: 'api', level: config.LOG_LEVEL });
  const metrics = createMetrics();
  const engine = createEngine(config, logger, metrics);
  const database = createDatabase(config, logger);
  const drain = new Drain();
  const streams = new StreamRegistry(drain, systemClock);
  metrics.onScrape(() => metrics.eventStreams.set(streams.size));
  const redis = new RedisLink(config.REDIS_URL, 'producer', logger);
  const onDropped = (entries: number): void => metrics.ledgerDropped.inc(entries);
  const ledger = new TokenLedgerQueue(redis, { onDropped }, logger, systemClock);
  const fencing = createFencing(config, { database, ledger, logger, metrics });
  const dependencies: Dependencies = {
    etcd: () => engine.isReady(),
    postgres: () => database.available(),
    redis: () => redis.available(),
  };
  const secretHash = new SecretHash(config.MASTER_KEY, SECRET_LENGTH);
  const tenancy = createTenancy(config, { database, engine, logger, secretHash });
  const edge = createEdge(config, { engine, drain, logger, metrics, secretHash });
  const parts = {
    config,
    logger,
    metrics,
    engine,
    database,
    redis,
    ledger,
    drain,
    streams,
    dependencies,
    edge,
  };
  return { ...parts, ...fencing, ...tenancy };
}

/** With a database at hand the keys are there in a tenth of it; without one the service starts all the same. */
const WAIT_FOR_KEYS_MS = 1_500;

/**
 * Begins everything that runs by itself. Waits for no server but, shortly, for the signing keys: grants given
 * before they are loaded would come without fencing tokens.
 */
export async function startServices(services: Services): Promise<void> {
  const { database, keyRing, logger } = services;
  database.start();
  services.engine.start();
  services.managedCopy.start();
  if (await database.waitUntilAvailable(WAIT_FOR_KEYS_MS)) {
    const loading = withDeadline(keyRing.load(), WAIT_FOR_KEYS_MS, 'loading the signing keys');
    await loading.catch((error: unknown) => logger.warn({ err: error }, 'the signing keys are loaded later'));
  }
  keyRing.start();
  services.reconciler.start();
}

/** Ends it, in the order of who stands on whom. */
export async function closeServices(services: Services): Promise<void> {
  await Promise.all([services.managedCopy.close(), services.reconciler.close(), services.keyRing.close()]);
  await services.engine.close();
  await services.ledger.close();
  await services.redis.close();
  await services.database.close();
}

function createDatabase(config: Config, logger: Logger): Database {
  const entities = [...TENANCY_ENTITIES, ...FENCING_ENTITIES];
  const options = { url: config.DATABASE_URL, applicationName: 'incumbent-api', entities };
  return new Database(options, logger, systemClock);
}

function createEngine(config: Config, logger: Logger, metrics: Metrics): Engine {
  const processId = newId('prc');
  const secret = new Uint8Array(
    hkdfSync('sha256', Buffer.from(config.MASTER_KEY, 'hex'), '', 'incumbent/session-token/v1', 32),
  );
  const engine: Engine = new Engine(async () => {
    const store = await EtcdElectionStore.open({
      endpoints: config.ETCD_ENDPOINTS,
      prefix: config.ETCD_PREFIX,
      processId,
      databaseLimitBytes: config.ETCD_DB_LIMIT_BYTES,
      isHousekeeper: () => engine.known?.isHousekeeper() ?? false,
      log: (level, message, fields) => logger[level](fields ?? {}, message),
      meter: storeMeter(metrics),
    });
    try {
      const meter = eventMeter(metrics);
      return { store, replica: await Replica.start({ store, clock: systemClock, processId, secret, meter }) };
    } catch (error) {
      await store.close();
      throw error;
    }
  }, logger);
  metrics.onScrape(() => {
    const gauges = engine.known?.gauges();
    metrics.leaders.set(gauges?.leaders ?? 0);
    metrics.candidates.set(gauges?.candidates ?? 0);
    metrics.sessions.set(gauges?.sessions ?? 0);
  });
  return engine;
}

interface FencingParts {
  database: Database;
  ledger: TokenLedgerQueue;
  logger: Logger;
  metrics: Metrics;
}

function createFencing(config: Config, { database, ledger, logger, metrics }: FencingParts) {
  const keyRing = new KeyRing(
    new SigningKeyStore(database),
    new KeySealer(config.MASTER_KEY),
    { algorithm: config.TOKEN_ALGORITHM, tokenLifetimeMs: DEFAULT_LIFETIME_MS },
    logger,
    systemClock,
  );
  // The same on every replica, whatever address each listens on.
  const issuer = config.PUBLIC_URL ?? 'incumbent';
  const onIssued: FencingTokensOptions['onIssued'] = (claims, kid) => {
    metrics.tokensSigned.inc();
    ledger.record(ledgerEntryOf(claims, kid));
  };
  const fencingTokens = new FencingTokens(keyRing, { issuer, onIssued }, systemClock);
  return { keyRing, fencingTokens, tokenIssuer: new TokenIssuer(fencingTokens, logger) };
}

interface TenancyParts {
  database: Database;
  engine: Engine;
  logger: Logger;
  secretHash: SecretHash;
}

function createTenancy(config: Config, { database, engine, logger, secretHash }: TenancyParts) {
  const mirror = new Mirror(database, { commit: (...given) => engine.store.commit(...given) }, systemClock);
  const making = { secretHash, environment: config.KEY_ENVIRONMENT };
  const mirrored = () => {
    const { keys: apiKeys, tenants } = engine.current.directory.all();
    return { apiKeys, tenants };
  };
  const catalog = new ElectionCatalog(database, systemClock);
  return {
    tenants: new TenantService(database, mirror, systemClock),
    apiKeys: new ApiKeyService(database, mirror, making, systemClock),
    reconciler: new MirrorReconciler(database, mirror, mirrored, logger, systemClock),
    catalog,
    managedCopy: new ManagedCopy(catalog, engine, logger, systemClock),
  };
}

interface EdgeParts {
  secretHash: SecretHash;
  engine: Engine;
  drain: Drain;
  logger: Logger;
  metrics: Metrics;
}

function createEdge(config: Config, { engine, drain, logger, metrics, secretHash }: EdgeParts): Edge {
  const routes = new RouteTable();
  const mirror = {
    apiKey: (keyId: string) => engine.current.directory.apiKey(keyId),
    tenant: (tenantId: string) => engine.current.directory.tenant(tenantId),
  };
  const authenticator = new Authenticator(mirror, secretHash, config.KEY_ENVIRONMENT, systemClock);
  return {
    trustedProxies: config.TRUSTED_PROXIES,
    calls: new CallFactory(systemClock),
    gate: new Gate((authorization) => authenticator.authenticate(authorization), config.ADMIN_TOKEN),
    drain,
    routes,
    filter: new ProblemFilter(routes, logger),
    accessLog: new AccessLog(logger, systemClock, {
      campaign: metrics.campaignSeconds,
      renew: metrics.renewSeconds,
      resign: metrics.resignSeconds,
    }),
  };
}
