import { hkdfSync } from 'node:crypto';
import type { Config } from '#config';
import { newId, systemClock } from '#core';
import { Replica, type ReplicaOptions } from '#election';
import type { Logger, Metrics } from '#telemetry';
import { Engine } from './engine.js';
import { eventMeter, storeMeter } from './engine-metrics.js';
import { EtcdElectionStore } from './etcd-election-store.js';

export interface EngineParts extends Pick<ReplicaOptions, 'keepsHouse' | 'past'> {
  logger: Logger;
  metrics: Metrics;
}

/** This process's engine on the deployment's etcd. Nothing runs until `start`. */
export function createEngine(config: Config, parts: EngineParts): Engine {
  const { logger, metrics, keepsHouse, past } = parts;
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
      const options = { store, clock: systemClock, processId, secret, meter, keepsHouse, past };
      return { store, replica: await Replica.start(options) };
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
    metrics.sessionsTtlTooShort.set(gauges?.tooShortSessions ?? 0);
  });
  return engine;
}
