import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { Service } from '../service.js';
import { Worker } from '../worker.js';

/** Nobody listens there. */
const DEAD = 'http://127.0.0.1:1';

let service: Service;
let worker: Worker;
let live: string;

beforeAll(async () => {
  live = process.env['TEST_ETCD_ENDPOINTS'] ?? '';
  service = await Service.start({ settings: { ETCD_ENDPOINTS: `${live},${DEAD}` } });
  worker = await Worker.start(service);
}, 60_000);

afterAll(async () => {
  await worker?.stop();
  await service?.stop();
});

const cluster = async () => (await service.operator.get('/admin/v1/cluster')).body;

describe('the state of the cluster', () => {
  it('shows an etcd endpoint that is down as such, and everything else all the same', async () => {
    const beganMs = performance.now();
    const { status, body } = await service.operator.get('/admin/v1/cluster');
    expect(status).toBe(200);
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    const { etcd } = body as { etcd: Record<string, unknown> };
    expect(etcd['endpoints']).toEqual([
      expect.objectContaining({
        url: live,
        state: 'up',
        version: expect.stringMatching(/^3\.\d+\.\d+/),
        isLeader: true,
        databaseInUseBytes: expect.any(Number),
        revision: expect.any(Number),
      }),
      { url: DEAD, state: 'down' },
    ]);
    expect(etcd).toMatchObject({ leader: expect.any(String), alarms: [], leases: expect.any(Number) });
    expect(etcd['members']).toEqual([expect.objectContaining({ id: etcd['leader'] })]);
    expect(body['warnings']).toContainEqual(expect.stringContaining(DEAD));
  });

  it('shows the processes of the service, how far they are behind, queues, Postgres and Redis', async () => {
    const body = await waitUntil(
      async () => {
        const seen = await cluster();
        const kinds = (seen['processes'] as { kind: string; lives: boolean }[])
          .filter(({ lives }) => lives)
          .map(({ kind }) => kind);
        return kinds.sort().join() === 'api,worker' && seen;
      },
      { what: 'the API and the worker', withinMs: 10_000 },
    );
    expect(body).toMatchObject({
      watch: { lagMs: expect.any(Number) },
      postgres: { state: 'up', version: expect.any(String), databaseBytes: expect.any(Number) },
      redis: { state: 'up' },
      queues: expect.arrayContaining([expect.objectContaining({ queue: 'token-ledger', failed: 0 })]),
    });
    expect(
      (body['warnings'] as string[]).filter((text) => !text.includes(DEAD) && !/known bugs/.test(text)),
    ).toEqual([]);
  });

  it('shows events that wait for the relay while no worker takes them, and that none lives', async () => {
    await worker.stop();
    const { caller } = await service.tenant();
    const election = await caller.election();
    await caller.campaign(election, { candidate: 'one' });
    const { outbox, warnings } = await waitUntil(
      async () => {
        const seen = await cluster();
        return (
          (seen['processes'] as { kind: string; lives: boolean }[]).every(
            ({ kind, lives }) => kind === 'api' || !lives,
          ) && seen
        );
      },
      { what: 'the worker to be gone' },
    );
    expect(outbox).toMatchObject({ waiting: expect.any(Number), oldestAgeMs: expect.any(Number) });
    expect((outbox as { waiting: number }).waiting).toBeGreaterThan(0);
    expect(warnings).toContainEqual(expect.stringMatching(/^No worker lives/));
    worker = await Worker.start(service);
    await waitUntil(async () => ((await cluster())['outbox'] as { waiting: number }).waiting === 0, {
      what: 'the outbox to be drained',
      withinMs: 15_000,
    });
  }, 40_000);
});
