import type { Clock } from '#core';
import type { Engine } from '#etcd';
import { HistoryWriter } from '#history';
import type { Database } from '#postgres';
import type { Logger, Metrics } from '#telemetry';
import { Outbox } from './outbox.js';
import { OutboxWatch } from './outbox-watch.js';
import { Relay } from './relay.js';
import { RelaySeat } from './relay-seat.js';
import type { Sink } from './sink.js';

export interface RelayWiring {
  engine: Engine;
  database: Database;
  /** Who keeps what is relayed, beside the history. */
  sinks: readonly Sink[];
  metrics: Metrics;
  logger: Logger;
  clock: Clock;
}

/** The relay of this process. To be made before the engine starts: the engine's view wakes it. */
export function createRelay({ engine, database, sinks, metrics, logger, clock }: RelayWiring): Relay {
  const outbox = new Outbox(() => engine.store, clock);
  const history = new HistoryWriter({
    holds: (ref, place) => outbox.holds(ref, place),
    term: (ref, seat) => engine.known?.view.election(ref)?.seats.get(seat)?.term?.record,
  });
  const seat = new RelaySeat(engine, logger, clock);
  const watch = new OutboxWatch(metrics, logger, clock);
  const relay = new Relay({ seat, outbox, database, history, sinks, watch, logger, clock });
  engine.listen(relay.listener);
  return relay;
}
