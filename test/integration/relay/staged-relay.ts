/** A relay that stops at every stage of its work to be told what happens to it there. */
import { AuditSink } from '../../../apps/worker/src/relay/audit-sink.js';
import { Outbox, type OutboxStore } from '../../../apps/worker/src/relay/outbox.js';
import { OutboxWatch } from '../../../apps/worker/src/relay/outbox-watch.js';
import { Relay } from '../../../apps/worker/src/relay/relay.js';
import { RelaySeat } from '../../../apps/worker/src/relay/relay-seat.js';
import type { Sink } from '../../../apps/worker/src/relay/sink.js';
import { AuditLog } from '#audit';
import { parseConfig } from '#config';
import { systemClock } from '#core';
import { createEngine, type Engine } from '#etcd';
import { HistoryWriter } from '#history';
import { Database } from '#postgres';
import { createMetrics, type Logger, type Metrics } from '#telemetry';

/**
 * Where a relay can be met: a batch is listed and nothing begun; its rows are written and not committed; committed and
 * not removed; a removal is under way; it is removed.
 */
export const STAGES = ['listed', 'written', 'committed', 'removing', 'removed'] as const;
export type Stage = (typeof STAGES)[number];

export interface StagedRelayOptions {
  name: string;
  etcdUrl: string;
  prefix: string;
  databaseUrl: string;
  ttlMs: number;
  logger: Logger;
  at?: (stage: Stage) => void | Promise<void>;
}

export interface StagedRelay {
  relay: Relay;
  seat: RelaySeat;
  engine: Engine;
  database: Database;
  metrics: Metrics;
  close(): Promise<void>;
}

/** Keeps which relay brought which event, and how often: nothing in its table is unique. */
class ProbeSink implements Sink {
  constructor(private readonly name: string) {}

  async append(...[rows, events]: Parameters<Sink['append']>): Promise<void> {
    await rows.query('INSERT INTO relayed (relay, event_id) SELECT $1, unnest($2::text[])', [
      this.name,
      events.map(({ id }) => id),
    ]);
  }
}

/** The table of the probe; the relay acts as a role that owns nothing. */
export const PROBE_TABLE =
  'CREATE TABLE relayed (relay text, event_id text); GRANT SELECT, INSERT ON relayed TO incumbent_service';

export function stagedRelay(options: StagedRelayOptions): StagedRelay {
  const { name, logger, ttlMs, at = () => undefined } = options;
  const metrics = createMetrics({ processMetrics: false });
  const config = parseConfig({
    ETCD_ENDPOINTS: options.etcdUrl,
    ETCD_PREFIX: options.prefix,
    ADMIN_TOKEN: 'x'.repeat(32),
    MASTER_KEY: '8b'.repeat(32),
  });
  const engine = createEngine(config, { logger, metrics, keepsHouse: false });
  const database = new Database({ url: options.databaseUrl, applicationName: name }, logger, systemClock);
  const outbox = new Outbox(() => stagedStore(engine, at), systemClock);
  const relay = new Relay({
    seat: new RelaySeat(engine, logger, systemClock, ttlMs),
    outbox,
    database: {
      transaction: async (work) => {
        const done = await database.transaction(async (rows) => {
          const result = await work(rows);
          await at('written');
          return result;
        });
        await at('committed');
        return done;
      },
    },
    history: new HistoryWriter({
      holds: (ref, place) => outbox.holds(ref, place),
      term: (ref, seat) => engine.known?.view.election(ref)?.seats.get(seat)?.term?.record,
    }),
    sinks: [new AuditSink(new AuditLog()), new ProbeSink(name)],
    watch: new OutboxWatch(metrics, logger, systemClock),
    logger,
    clock: systemClock,
  });
  engine.listen(relay.listener);
  engine.start();
  database.start();
  relay.start();
  const close = async (): Promise<void> => {
    await relay.close();
    await engine.close();
    await database.close();
  };
  return { relay, seat: relay['parts'].seat, engine, database, metrics, close };
}

function stagedStore(engine: Engine, at: (stage: Stage) => void | Promise<void>): OutboxStore {
  const { store } = engine;
  return {
    ping: () => store.ping(),
    read: (...given) => store.read(...given),
    list: async (request) => {
      const listed = await store.list(request);
      if (listed.entries.length > 0) await at('listed');
      return listed;
    },
    commit: async (...given) => {
      const removal = store.commit(...given);
      // The next turn of the event loop sends it.
      setImmediate(() => void at('removing'));
      const outcome = await removal;
      await at('removed');
      return outcome;
    },
  };
}
