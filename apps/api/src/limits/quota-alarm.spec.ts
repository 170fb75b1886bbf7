import { describe, expect, it } from '@jest/globals';
import { IncumbentError } from '#core';
import { createLogger } from '#telemetry';
import { FakeClock } from '#testing';
import { QuotaAlarm } from './quota-alarm.js';

const met = (name: string) => new IncumbentError('limit.quota_exceeded', 'x', { limit: { name, value: 3 } });

function scene(tell?: () => Promise<void>) {
  const told: string[] = [];
  const clock = new FakeClock();
  const alarm = new QuotaAlarm(
    async ({ tenantId, key, limit }) => {
      told.push(`${tenantId} ${key} ${limit.value}`);
      await tell?.();
    },
    createLogger({ service: 'test', level: 'silent' }),
    clock,
  );
  return { alarm, clock, told };
}

describe('the alarm of quotas', () => {
  it('tells a tenant once an hour for each quota that it meets', async () => {
    const { alarm, clock, told } = scene();
    for (let time = 0; time < 5; time += 1) alarm.notice('ten_a', met('maxElections'));
    alarm.notice('ten_a', met('maxApiKeys'));
    alarm.notice('ten_b', met('maxElections'));
    expect(told).toHaveLength(3);
    await clock.advance(3_600_000);
    alarm.notice('ten_a', met('maxElections'));
    expect(told).toHaveLength(4);
    expect(new Set(told).size).toBe(4);
  });

  it('minds nothing else', () => {
    const { alarm, told } = scene();
    alarm.notice(undefined, met('maxElections'));
    alarm.notice('ten_a', new Error('x'));
    alarm.notice('ten_a', new IncumbentError('limit.rate_exceeded', 'x', { limit: { name: 'y', value: 1 } }));
    expect(told).toEqual([]);
  });

  it('tells it at the next time where it could not be told', async () => {
    const { alarm, told } = scene(() => Promise.reject(new Error('away')));
    alarm.notice('ten_a', met('maxElections'));
    await new Promise((resolve) => setImmediate(resolve));
    alarm.notice('ten_a', met('maxElections'));
    expect(told).toHaveLength(2);
  });
});
