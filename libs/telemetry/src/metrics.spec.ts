import { describe, expect, it } from '@jest/globals';
import { createMetrics } from './metrics.js';

describe('metrics', () => {
  it('exposes every metric of the service under one prefix', async () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.renewSeconds.observe(0.003);
    metrics.etcdCallSeconds.observe({ method: 'txn' }, 0.001);
    const { body, contentType } = await metrics.expose();
    expect(contentType).toContain('text/plain');
    expect(body).toContain('incumbent_renew_seconds_count 1');
    expect(body).toContain('incumbent_etcd_call_seconds_count{method="txn"} 1');
    const names = [...body.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
    expect(names.filter((name) => !name?.startsWith('incumbent_'))).toEqual([]);
  });

  it('asks for the state of gauges at each scrape', async () => {
    const metrics = createMetrics({ processMetrics: false });
    let leaders = 1;
    metrics.onScrape(() => metrics.leaders.set(leaders));
    expect((await metrics.expose()).body).toContain('incumbent_leaders 1');
    leaders = 2;
    expect((await metrics.expose()).body).toContain('incumbent_leaders 2');
  });

  it('keeps two registries of one process apart', async () => {
    const [one, other] = [createMetrics({ processMetrics: false }), createMetrics({ processMetrics: false })];
    one.electionsHeld.inc();
    expect((await other.expose()).body).toContain('incumbent_elections_held_total 0');
  });
});
