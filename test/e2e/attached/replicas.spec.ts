import { afterEach, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { Service } from '../service.js';
import { AttachedParticipant, refused } from './attached-participant.js';

const services: Service[] = [];
const participants: AttachedParticipant[] = [];

afterEach(async () => {
  for (const participant of participants.splice(0)) participant.drop();
  await Promise.all(services.splice(0).map((service) => service.process.stop()));
});

async function start(beside?: Service): Promise<Service> {
  const service = await Service.start(beside ? { beside } : {});
  services.push(service);
  return service;
}

async function attach({ url }: Service, key: string | undefined): Promise<AttachedParticipant> {
  const participant = await AttachedParticipant.connect(url, { key });
  participants.push(participant);
  return participant;
}

describe('a participant whose replica is killed', () => {
  it('keeps its term if it is back at another within its ttlMs', async () => {
    const first = await start();
    const second = await start(first);
    const { caller } = await first.tenant();
    const election = await caller.election();
    const before = await attach(first, caller.key);
    const { session } = await before.does('open', { ttlMs: 1_000 });
    await before.does('campaign', { election, candidate: 'one', session });
    const waiter = await attach(second, caller.key);
    const other = await waiter.does('campaign', { election, candidate: 'two', ttlMs: 60_000 });
    expect(other['state']).toBe('waiting');
    await before.does('renew', { session });
    first.process.signal('SIGKILL');
    await before.untilClosed();
    const after = await attach(second, caller.key);
    expect((await after.does('attach', { session }))['terms']).toMatchObject([
      { election, state: 'leader', term: 1 },
    ]);
    const endMs = performance.now() + 3_000;
    const told: unknown[] = [];
    const renewed = async (): Promise<boolean> => {
      const { state, term } = await after.ask('renew', { session, election });
      told.push(`${String(state)} ${String(term)}`);
      return performance.now() >= endMs;
    };
    await waitUntil(renewed, { what: 'three lives of the session', everyMs: 100 });
    expect(new Set(told)).toEqual(new Set(['leader 1']));
    expect(waiter.news).toEqual([]);
  }, 60_000);
});

describe('a replica that is told to stop', () => {
  it('tells participants to move, answers them meanwhile, and loses nobody a term', async () => {
    const first = await start();
    const second = await start(first);
    const { caller } = await first.tenant();
    const election = await caller.election();
    const before = await attach(first, caller.key);
    const { session } = await before.does('open', { ttlMs: 300 });
    const renew = (): void => void before.ask('renew', { session }).catch(() => undefined);
    await before.does('campaign', { election, candidate: 'one', session });
    const renewing = setInterval(renew, 75);
    try {
      first.process.signal('SIGTERM');
      const { frame } = await before.told('moving');
      expect(frame['reconnectAfterMs']).toBeLessThanOrEqual(1_000);
      expect(await before.does('renew', { session, election })).toMatchObject({ state: 'leader', term: 1 });
      await waitUntil(
        () =>
          refused(first.url, { key: caller.key }).then(
            () => false,
            () => true,
          ),
        {
          what: 'the replica to let nobody in',
        },
      );
      const after = await attach(second, caller.key);
      expect((await after.does('attach', { session }))['terms']).toMatchObject([{ election, term: 1 }]);
    } finally {
      clearInterval(renewing);
    }
    before.socket.close(1000);
    expect(await first.process.exited).toEqual({ code: 0, signal: null });
  }, 60_000);

  it('closes with 1012 who does not move, and exits 0 also if they do not close in turn', async () => {
    const service = await start();
    const { caller } = await service.tenant();
    const [stays, deaf] = [await attach(service, caller.key), await attach(service, caller.key)];
    const election = await caller.election();
    const leader = await stays.does('campaign', { election, candidate: 'one', ttlMs: 60_000 });
    expect(leader['state']).toBe('leader');
    const waiting = await stays.does('campaign', { election, candidate: 'two', ttlMs: 60_000 });
    const held = stays.does('renew', { election, session: waiting['session'], waitMs: 30_000 });
    deaf.socket.pause();
    service.process.signal('SIGTERM');
    expect(await held).toMatchObject({ state: 'waiting' });
    expect(await stays.untilClosed()).toMatchObject({ code: 1012 });
    expect(await service.process.exited).toEqual({ code: 0, signal: null });
  }, 60_000);
});
