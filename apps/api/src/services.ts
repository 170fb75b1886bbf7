import { AUDIT_ENTITIES, type AuditLog } from '#audit';
import type { Config } from '#config';
import { systemClock, withDeadline } from '#core';
import { createEngine, type Engine } from '#etcd';
import {
  createKeyRing,
  FENCING_ENTITIES,
  FencingTokens,
  type FencingTokensOptions,
  issuerOf,
  ledgerEntryOf,
} from '#fencing';
import { HISTORY_ENTITIES, HistoryReader } from '#history';
import { Database } from '#postgres';
import { RedisLink, TokenLedgerQueue, WebhookWakeQueue } from '#queue';
import { createLogger, createMetrics, type Logger, type Metrics } from '#telemetry';
import {
  AdminAuthenticator,
  AdminTokenService,
  ApiKeyService,
  Authenticator,
  ElectionCatalog,
  Mirror,
  MirrorReconciler,
  SECRET_LENGTH,
  SecretHash,
  TENANCY_ENTITIES,
  TenantDeletion,
  TenantService,
} from '#tenancy';
import { WEBHOOK_ENTITIES } from '#webhooks';
import { createAdmin } from './admin/create-admin.js';
import { denialsTo } from './audit/denials.js';
import type { DeniedAttempts } from './audit/denied-attempts.js';
import { createAttached } from './attached/wiring.js';
import { createAudit } from './audit/wiring.js';
import { ManagedCopy } from './elections/managed-copy.js';
import { StreamRegistry } from './elections/stream-registry.js';
import { TokenIssuer } from './fencing/token-issuer.js';
import { type Dependencies, exposeDependencies } from './health/dependencies.js';
import { AccessLog } from './http/access-log.js';
import { CallFactory } from './http/call.js';
import { Drain } from './http/drain.js';
import { Gate } from './http/gate.js';
import { ProblemFilter } from './http/problem.filter.js';
import { RouteTable } from './http/route-table.js';
import type { Edge } from './http/server.js';
import { createLimits, type Limits, streamQuota } from './limits/create-limits.js';
import { PurgedElections } from './tenants/purged-elections.js';
import { createTiming } from './timing/wiring.js';
import { createWebhooks } from './webhooks/wiring.js';

export type Services = ReturnType<typeof createServices>;

/** Every object of the process, made and connected by hand; nothing runs yet. */
export function createServices(config: Config) {
  const logger = createLogger({ service: 'api', level: config.LOG_LEVEL });
  const metrics = createMetrics();
  const database = createDatabase(config, logger);
  const history = new HistoryReader(database);
  const engine = createEngine(config, { logger, metrics, past: history });
  const drain = new Drain();
  const streams = new StreamRegistry(drain, streamQuota(engine), systemClock);
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
  exposeDependencies(metrics, dependencies);
  const secretHash = new SecretHash(config.MASTER_KEY, SECRET_LENGTH);
  const audit = createAudit({ database, drain, keyRing: fencing.keyRing, logger });
  const tenancy = createTenancy(config, { acts: audit.acts, database, engine, logger, secretHash });
  const admin = createAdmin(config, { acts: audit.acts, engine, database, redis, drain });
  const waker = new WebhookWakeQueue(redis, {}, logger, systemClock);
  const webhooks = createWebhooks(config, { acts: audit.acts, database, waker });
  const limits = createLimits(config, { engine, database, streams, logger, metrics });
  const edge = createEdge(config, { ...audit, limits, engine, drain, logger, metrics, secretHash });
  const timing = createTiming({ engine, metrics, logger });
  const attached = createAttached({ ...fencing, ...timing, edge, engine, streams, logger, metrics });
  const parts = {
    config,
    logger,
    metrics,
    engine,
    database,
    history,
    redis,
    ledger,
    waker,
    drain,
    streams,
    dependencies,
    edge,
  };
  return {
    ...parts,
    ...limits,
    ...fencing,
    ...audit,
    ...tenancy,
    ...admin,
    ...webhooks,
    ...attached,
    ...timing,
  };
}

const DAY_MS = 86_400_000;
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
  services.purgedElections.start();
  services.deniedAttempts.start();
  if (await database.waitUntilAvailable(WAIT_FOR_KEYS_MS)) {
    const loading = withDeadline(keyRing.load(), WAIT_FOR_KEYS_MS, 'loading the signing keys');
    await loading.catch((error: unknown) => logger.warn({ err: error }, 'the signing keys are loaded later'));
  }
  keyRing.start();
  services.reconciler.start();
}

/** Ends it, in the order of who stands on whom. */
export async function closeServices(services: Services): Promise<void> {
  const { deniedAttempts, managedCopy, purgedElections, reconciler, keyRing } = services;
  const parts = [deniedAttempts, managedCopy, purgedElections, reconciler, keyRing];
  await Promise.all(parts.map((part) => part.close()));
  await services.engine.close();
  await services.closeLimits();
  await services.ledger.close();
  await services.waker.close();
  await services.redis.close();
  await services.database.close();
}

function createDatabase(config: Config, logger: Logger): Database {
  const entities = [
    ...TENANCY_ENTITIES,
    ...FENCING_ENTITIES,
    ...HISTORY_ENTITIES,
    ...AUDIT_ENTITIES,
    ...WEBHOOK_ENTITIES,
  ];
  const options = { url: config.DATABASE_URL, applicationName: 'incumbent-api', entities };
  return new Database(options, logger, systemClock);
}

interface FencingParts {
  database: Database;
  ledger: TokenLedgerQueue;
  logger: Logger;
  metrics: Metrics;
}

function createFencing(config: Config, { database, ledger, logger, metrics }: FencingParts) {
  const keyRing = createKeyRing(config, { database, logger, clock: systemClock });
  const onIssued: FencingTokensOptions['onIssued'] = (claims, kid) => {
    metrics.tokensSigned.inc();
    ledger.record(ledgerEntryOf(claims, kid));
  };
  const fencingTokens = new FencingTokens(keyRing, { issuer: issuerOf(config), onIssued }, systemClock);
  return { keyRing, fencingTokens, tokenIssuer: new TokenIssuer(fencingTokens, logger) };
}

interface TenancyParts {
  acts: AuditLog;
  database: Database;
  engine: Engine;
  logger: Logger;
  secretHash: SecretHash;
}

function createTenancy(config: Config, { acts, database, engine, logger, secretHash }: TenancyParts) {
  const mirror = new Mirror(database, { commit: (...given) => engine.store.commit(...given) }, systemClock);
  const adminHash = adminHashOf(config);
  const making = { secretHash, environment: config.KEY_ENVIRONMENT };
  const mirrored = () => {
    const { keys: apiKeys, ...others } = engine.current.directory.all();
    return { apiKeys, ...others };
  };
  const catalog = new ElectionCatalog(database, systemClock);
  const graceMs = config.TENANT_GRACE_DAYS * DAY_MS;
  return {
    adminTokens: new AdminTokenService(database, mirror, adminHash, acts, systemClock),
    tenantDeletion: new TenantDeletion(database, mirror, acts, graceMs, systemClock),
    tenants: new TenantService(database, mirror, acts, systemClock),
    apiKeys: new ApiKeyService(database, mirror, making, acts, systemClock),
    reconciler: new MirrorReconciler(database, mirror, mirrored, logger, systemClock),
    catalog,
    managedCopy: new ManagedCopy(catalog, engine, logger, systemClock),
    purgedElections: new PurgedElections(engine, logger, systemClock),
  };
}

/** Each holder has its own: the class reuses its buffers. */
function adminHashOf(config: Config): SecretHash {
  return new SecretHash(config.MASTER_KEY, SECRET_LENGTH, 'adminToken');
}

interface EdgeParts {
  limits: Limits;
  deniedAttempts: DeniedAttempts;
  secretHash: SecretHash;
  engine: Engine;
  drain: Drain;
  logger: Logger;
  metrics: Metrics;
}

function createEdge(config: Config, parts: EdgeParts): Edge {
  const { limits, deniedAttempts, engine, drain, logger, metrics, secretHash } = parts;
  const routes = new RouteTable();
  const mirror = {
    apiKey: (keyId: string) => engine.current.directory.apiKey(keyId),
    tenant: (tenantId: string) => engine.current.directory.tenant(tenantId),
  };
  const authenticator = new Authenticator(mirror, secretHash, config.KEY_ENVIRONMENT, systemClock);
  const tokens = {
    adminToken: (tokenId: string) => engine.current.directory.adminToken(tokenId),
    adminTokens: () => engine.current.directory.all().adminTokens,
  };
  const environment = {
    text: config.ADMIN_TOKEN,
    bootstrapOnly: config.ADMIN_TOKEN_BOOTSTRAP_ONLY === 'true',
  };
  const operators = new AdminAuthenticator(tokens, adminHashOf(config), environment, systemClock);
  const noticeDenial = denialsTo(deniedAttempts, authenticator, logger);
  return {
    trustedProxies: config.TRUSTED_PROXIES,
    calls: new CallFactory(systemClock),
    gate: new Gate({
      tenant: (authorization) => authenticator.authenticate(authorization),
      operator: (authorization) => operators.authenticate(authorization),
      stillValid: (principal) => authenticator.stillAdmits(principal),
      present: (principal) => authenticator.present(principal),
    }),
    rates: limits.rateGate,
    drain,
    routes,
    filter: new ProblemFilter(routes, logger, (error, request) => {
      noticeDenial(error, request);
      limits.quotaAlarm.notice(request.call?.principal?.tenantId, error);
    }),
    accessLog: new AccessLog(logger, systemClock, {
      campaign: metrics.campaignSeconds,
      renew: metrics.renewSeconds,
      resign: metrics.resignSeconds,
    }),
  };
}
