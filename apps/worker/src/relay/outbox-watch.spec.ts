import { beforeEach, describe, expect, it } from '@jest/globals';
import { toTimestamp } from '#core';
import type { EventRecord } from '#election';
import { createLogger, createMetrics, type Metrics } from '#telemetry';
import { FakeClock } from '#testing';
import { OutboxWatch } from './outbox-watch.js';

let clock: FakeClock;
let metrics: Metrics;
let warnings: object[];
let watch: OutboxWatch;

beforeEach(() => {
  clock = new FakeClock();
  metrics = createMetrics({ processMetrics: false });
  warnings = [];
  const logger = createLogger({ service: 'test', level: 'silent' });
  logger.warn = (fields: object) => void warnings.push(fields);
  watch = new OutboxWatch(metrics, logger, clock);
  watch.begun();
});

const value = async (name: string): Promise<number> => {
  const line = (await metrics.expose()).body.split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.split(' ')[1]);
};
const aged = (seconds: number): EventRecord =>
  ({ occurredAt: toTimestamp(clock.wallTimeMs() - seconds * 1_000) }) as EventRecord;

describe('the watch over the outbox', () => {
  it('tells how many wait and how long at most: since it was empty, or as old as what it finds', async () => {
    watch.saw(3, [aged(2)]);
    expect(await value('incumbent_outbox_events')).toBe(3);
    expect(await value('incumbent_outbox_oldest_seconds')).toBe(2);
    await clock.advance(10_000);
    watch.saw(40, [aged(1)]);
    expect(await value('incumbent_outbox_oldest_seconds')).toBe(10);
    watch.passed(clock.monotonicMs(), 0);
    expect(await value('incumbent_outbox_events')).toBe(0);
    expect(await value('incumbent_outbox_oldest_seconds')).toBe(0);
  });

  it('warns when it grows old or large, once a minute', async () => {
    watch.saw(10, [aged(59)]);
    expect(warnings).toHaveLength(0);
    watch.saw(10, [aged(61)]);
    watch.saw(30_000, []);
    expect(warnings).toHaveLength(1);
    await clock.advance(60_000);
    watch.saw(30_000, []);
    expect(warnings).toEqual([expect.anything(), expect.objectContaining({ events: 30_000 })]);
  });

  it('says nothing for a worker that stands by, and does not call emptied what was held', async () => {
    watch.saw(3, [aged(2)]);
    watch.passed(clock.monotonicMs(), 1);
    expect(await value('incumbent_outbox_events')).toBe(3);
    expect(await value('incumbent_outbox_held_elections')).toBe(1);
    watch.ended();
    for (const name of [
      'incumbent_relay_leads',
      'incumbent_outbox_events',
      'incumbent_outbox_held_elections',
    ])
      expect(await value(name)).toBe(0);
  });
});
