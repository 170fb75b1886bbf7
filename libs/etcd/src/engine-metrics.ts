import type { EventRecord, ViewListener } from '#election';
import type { Metrics } from '#telemetry';
import type { StoreMeter } from './meter.js';

/** Turns what the store reports about itself into metrics. */
export function storeMeter(metrics: Metrics): StoreMeter {
  return {
    callEnded(method, latencyMs, result) {
      metrics.etcdCallSeconds.observe({ method }, latencyMs / 1_000);
      if (result !== 'ok' && result !== 'refused') metrics.etcdCallFailures.inc({ method });
    },
    groupSent: (size) => metrics.groupSize.observe(size),
    watchLag: (revisions) => metrics.watchLagRevisions.set(revisions),
  };
}

/** Every replica sees every event, so each counts them all: look at one replica or at the largest. */
export function eventMeter(metrics: Metrics): ViewListener {
  const vacantSince = new Map<string, number>();
  return {
    eventSeen(event: EventRecord): void {
      const at = Date.parse(event.occurredAt);
      const seat = `${event.electionId}/${event.seat}`;
      if (event.type === 'leadership.lost') vacantSince.set(seat, at);
      if (event.type !== 'leadership.acquired') return;
      metrics.electionsHeld.inc();
      const since = vacantSince.get(seat);
      vacantSince.delete(seat);
      if (since !== undefined) metrics.vacancySeconds.observe(Math.max(0, at - since) / 1_000);
    },
  };
}
