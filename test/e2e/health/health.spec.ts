import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { Service } from '../service.js';

let service: Service;

beforeAll(async () => {
  service = await Service.start({ settings: { METRICS_PORT: '0', LOG_LEVEL: 'debug' } });
}, 60_000);

afterAll(() => service?.stop());

interface Line {
  msg: string;
  metricsPort?: number;
  requestId?: string;
  tenantId?: string;
  operation?: string;
  status?: number;
}

const lines = () =>
  service
    .log()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);

async function metrics(): Promise<string> {
  const port = lines().find(({ msg }) => msg === 'listening')?.metricsPort;
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  return await response.text();
}

describe('health', () => {
  it('is alive and ready, and says what it leans on, to whoever asks', async () => {
    expect((await service.stranger.get('/health/live')).body).toEqual({ status: 'ok' });
    const ready = { status: 'ready', dependencies: { etcd: 'up', postgres: 'up', redis: 'up' } };
    await waitUntil(
      async () =>
        JSON.stringify((await service.stranger.get('/health/ready')).body) === JSON.stringify(ready),
      { what: 'every server to be reported as up' },
    );
  });
});

describe('metrics', () => {
  it('stand on their own port alone when one is set', async () => {
    expect((await service.stranger.get('/metrics')).status).toBe(404);
    expect(await metrics()).toContain('incumbent_leaders');
  });

  it('count leaders, candidates, terms, vacancies, streams and how long calls took', async () => {
    const { caller } = await service.tenant();
    const election = await caller.election();
    const { body: one } = await caller.campaign(election, { candidate: 'one' });
    await caller.campaign(election, { candidate: 'two' });
    await caller.renew(election, one['session']);
    await caller.renew(election, one['session'], { waitMs: 100 });
    await caller.resign(election, one);
    const value = (text: string, name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    const text = await waitUntil(
      async () => {
        const read = await metrics();
        return value(read, 'incumbent_elections_held_total') === 2 && read;
      },
      { what: 'two terms to be counted' },
    );
    expect(value(text, 'incumbent_leaders')).toBe(1);
    expect(value(text, 'incumbent_candidates')).toBe(1);
    expect(value(text, 'incumbent_sessions')).toBe(1);
    expect(value(text, 'incumbent_event_streams')).toBe(0);
    expect(value(text, 'incumbent_campaign_seconds_count')).toBe(2);
    // A held answer is slow on purpose and counts for nothing.
    expect(value(text, 'incumbent_renew_seconds_count')).toBe(1);
    expect(value(text, 'incumbent_resign_seconds_count')).toBe(1);
    expect(value(text, 'incumbent_vacancy_seconds_count')).toBe(1);
    expect(text).toMatch(/^incumbent_etcd_call_seconds_count\{method="txn"\} \d+$/m);
    expect(text).toMatch(/^incumbent_watch_lag_revisions \d+$/m);
    for (const name of ['etcd', 'postgres', 'redis'])
      expect(text).toMatch(new RegExp(`^incumbent_dependency_up\\{dependency="${name}"\\} 1$`, 'm'));
  });
});

describe('the log', () => {
  it('names request, tenant and call of every answer, and nothing secret', async () => {
    const { caller, id } = await service.tenant();
    const election = await caller.election();
    const { body } = await caller.campaign(election, { candidate: 'one' }, { 'x-request-id': 'trace-42' });
    const line = await waitUntil(() => lines().find(({ requestId }) => requestId === 'trace-42'), {
      what: 'the line',
    });
    expect(line).toMatchObject({ tenantId: id, operation: 'campaign', status: 200, msg: 'answered' });
    for (const secret of [caller.key, body['session'], body['fencingToken']]) {
      expect(service.log()).not.toContain(String(secret).slice(-30));
    }
  });
});
