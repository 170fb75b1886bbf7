import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { Service } from '../service.js';

const STREAMS = 1_000;

let service: Service;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await service?.process.stop();
});

/** One open stream on a bare socket; a thousand readers would be slow themselves. */
function openStream(
  port: number,
  key: string,
  election: string,
): { told: () => string; ended: () => boolean } {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  let ended = false;
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('close', () => (ended = true));
  socket.write(
    `GET /v1/elections/${election}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`,
  );
  return { told: () => text, ended: () => ended };
}

describe('a replica that is told to stop', () => {
  it(`ends ${STREAMS} streams and every held answer at once, finishes what is under way, and exits 0`, async () => {
    service = await Service.start();
    const { caller } = await service.tenant({}, { requestsPerSecond: 10_000 });
    const election = await caller.election({ ttlMs: 60_000 });
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    const { body: waiting } = await caller.campaign(election, { candidate: 'two' });
    const streams: ReturnType<typeof openStream>[] = [];
    while (streams.length < STREAMS) {
      const batch = Array.from({ length: 100 }, () => openStream(service.port, String(caller.key), election));
      const open = () => batch.every(({ told }) => told().includes('event: snapshot'));
      await waitUntil(open, { what: `streams after the first ${streams.length}`, withinMs: 10_000 });
      streams.push(...batch);
    }
    const held = [
      caller.renew(election, waiting['session'], { waitMs: 5_000 }),
      caller.campaign(election, { candidate: 'three', waitMs: 5_000 }),
      caller.get(`/v1/elections/${election}/leader?waitMs=55000`),
    ];
    await caller.untilStanding(election, 3);
    const under = Array.from({ length: 50 }, () => caller.renew(election, leader['session']));
    const startMs = performance.now();
    service.process.signal('SIGTERM');
    const [renewed, campaigned, observed] = await Promise.all(held);
    expect([renewed?.status, renewed?.body['state']]).toEqual([200, 'waiting']);
    expect([campaigned?.status, campaigned?.body['state']]).toEqual([202, 'waiting']);
    expect([observed?.status, observed?.body['term']]).toEqual([200, 1]);
    for (const answer of await Promise.allSettled(under)) {
      if (answer.status === 'rejected') continue;
      const { status, body } = answer.value;
      if (status !== 200)
        expect([status, body['code'], body['executed']]).toEqual([503, 'service.stopping', false]);
    }
    expect(await service.process.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - startMs).toBeLessThan(5_000);
    await waitUntil(() => streams.every(({ ended }) => ended()), { what: 'all streams to have ended' });
    expect(streams.filter(({ told }) => told().endsWith('0\r\n\r\n'))).toHaveLength(STREAMS);
  }, 60_000);

  it('is not delayed by a connection that was opened in reserve and never used', async () => {
    service = await Service.start();
    const reserve = connect(service.port, '127.0.0.1').on('error', () => undefined);
    sockets.push(reserve);
    await once(reserve, 'connect');
    // A connection behind it was accepted, so it was, too.
    expect(await service.isReady()).toBe(true);
    const startMs = performance.now();
    service.process.signal('SIGTERM');
    expect(await service.process.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - startMs).toBeLessThan(5_000);
  }, 60_000);

  it('deposes nobody: the term goes on at another replica', async () => {
    service = await Service.start();
    const { caller } = await service.tenant();
    const election = await caller.election();
    const { body: leader } = await caller.campaign(election, { candidate: 'one', ttlMs: 60_000 });
    const other = await Service.start({ beside: service });
    try {
      await service.stop();
      const renewed = await caller.with({ url: other.url }).renew(election, leader['session']);
      expect(renewed.body).toMatchObject({ state: 'leader', term: 1 });
    } finally {
      await other.stop();
    }
  }, 60_000);

  it('exits 0 also when etcd, Postgres and Redis cannot be reached', async () => {
    const nowhere = {
      ETCD_ENDPOINTS: 'http://127.0.0.1:1',
      DATABASE_URL: 'postgres://x@127.0.0.1:1/x',
      REDIS_URL: 'redis://127.0.0.1:1',
    };
    service = await Service.start({ settings: nowhere, ready: false });
    service.process.signal('SIGTERM');
    expect(await service.process.exited).toEqual({ code: 0, signal: null });
  }, 60_000);
});

describe('a replica that cannot start', () => {
  it('says every setting that is wrong, never its value, and exits 1', async () => {
    const wrong = { ADMIN_TOKEN: 'too-short-secret', MASTER_KEY: 'not-hex', PORT: '70000' };
    const failed = await Service.start({ settings: wrong }).catch((error: Error) => error.message);
    for (const name of Object.keys(wrong)) expect(failed).toContain(name);
    expect(failed).not.toContain('too-short-secret');
    expect(failed).not.toContain('not-hex');
  }, 60_000);
});
