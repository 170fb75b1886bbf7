import type { Config } from '#config';
import { systemClock } from '#core';
import type { Engine } from '#etcd';
import type { Database } from '#postgres';
import { RateCounter, RedisLink } from '#queue';
import type { Logger, Metrics } from '#telemetry';
import { IdempotentRequests, RATE_WINDOW_MS, RateLimits, UsageReport } from '#tenancy';
import { OperationalMessages } from '#webhooks';
import type { StreamRegistry } from '../elections/stream-registry.js';
import { FailedAttempts } from './failed-attempts.js';
import { QuotaAlarm, type TellQuotaExceeded } from './quota-alarm.js';
import { RateGate } from './rate-gate.js';

interface LimitsParts {
  engine: Engine;
  database: Database;
  streams: StreamRegistry;
  logger: Logger;
  metrics: Metrics;
}

export type Limits = ReturnType<typeof createLimits>;

/** tenantId -> candidates in the tenant's fullest election. */
function mostCandidates(engine: Engine): Map<string, number> {
  const most = new Map<string, number>();
  for (const { ref, candidates } of engine.current.view.elections.values())
    most.set(ref.tenantId, Math.max(most.get(ref.tenantId) ?? 0, candidates.size));
  return most;
}

/** tenantId -> candidacies of the tenant's session that has most. */
function mostCandidacies(engine: Engine): Map<string, number> {
  const most = new Map<string, number>();
  const { view } = engine.current;
  for (const { sessionId, record } of view.sessions.values()) {
    const { size } = view.standing(sessionId);
    if (size > (most.get(record.tenantId) ?? 0)) most.set(record.tenantId, size);
  }
  return most;
}

/** What a tenant renews: a session of many candidacies may be renewed in each of its elections. */
function renewedOf(engine: Engine, tenantId: string): number {
  const { sessionPace, candidacyCounts } = engine.known?.view ?? {};
  return Math.max(sessionPace?.get(tenantId) ?? 0, candidacyCounts?.get(tenantId) ?? 0);
}

/** How many event streams a tenant may have, and this replica's equal share, rounded up. */
export function streamQuota(engine: Engine): (tenantId: string) => { all: number; here: number } {
  return (tenantId) => {
    const all = engine.known?.directory.tenant(tenantId)?.maxStreams ?? Number.POSITIVE_INFINITY;
    return { all, here: Math.ceil(all / (engine.known?.replicaCount() ?? 1)) };
  };
}

/** What limits calls and tells what is used. Its connection to Redis is its own: the queue's may be slow. */
export function createLimits(config: Config, parts: LimitsParts) {
  const { engine, database, streams, logger, metrics } = parts;
  const link = new RedisLink(config.REDIS_URL, 'counter', logger);
  const rates = new RateLimits(
    {
      counter: new RateCounter(link, { windowSeconds: RATE_WINDOW_MS / 1_000, prefix: config.ETCD_PREFIX }),
      mirror: {
        apiKey: (keyId) => engine.known?.directory.apiKey(keyId),
        tenant: (tenantId) => engine.known?.directory.tenant(tenantId),
      },
      sessionsOf: (tenantId) => renewedOf(engine, tenantId),
      replicas: () => engine.known?.replicaCount() ?? 1,
      onDegraded: (degraded) => {
        metrics.rateLimitsDegraded.set(degraded ? 1 : 0);
        if (degraded) logger.warn('rates are limited by each replica alone, to its share: redis is away');
        else logger.info('rates are limited by all replicas together again');
      },
    },
    systemClock,
  );
  const rateGate = new RateGate({
    rates: config.RATE_LIMITS === 'on' ? rates : undefined,
    attempts: new FailedAttempts(systemClock),
    onRefused: (limit) => metrics.rateLimited.inc({ limit }),
  });
  return {
    rateGate,
    idempotentRequests: new IdempotentRequests(database),
    usage: new UsageReport(database, () => {
      const candidates = mostCandidates(engine);
      const candidacies = mostCandidacies(engine);
      return (tenantId) => ({
        maxCandidatesPerElection: candidates.get(tenantId) ?? 0,
        maxSessions: engine.current.view.sessionCounts.get(tenantId) ?? 0,
        maxCandidaciesPerSession: candidacies.get(tenantId) ?? 0,
        maxStreams: streams.openFor(tenantId),
        requestsPerSecond: rates.used(tenantId),
      });
    }),
    quotaAlarm: new QuotaAlarm(createTelling(database), logger, systemClock),
    async closeLimits(): Promise<void> {
      rates.close();
      await link.close();
    },
  };
}

/** The message goes to the tenant's webhook endpoints that subscribe to it; the worker finds it within its rounds. */
function createTelling(database: Database): TellQuotaExceeded {
  const messages = new OperationalMessages(systemClock);
  return async ({ tenantId, key, limit }) => {
    const message = { tenantId, type: 'quota.exceeded' as const, key, details: { limit } };
    await database.transaction((rows) => messages.tell(rows, message));
  };
}
