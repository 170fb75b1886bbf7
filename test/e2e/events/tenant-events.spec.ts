import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import type { Caller } from '../caller.js';
import { Service, type Tenant } from '../service.js';
import { Worker } from '../worker.js';
import { EventReader, type SeenEvent } from './event-reader.js';

let service: Service;
let worker: Worker;
const readers: EventReader[] = [];

beforeAll(async () => {
  service = await Service.start();
  worker = await Worker.start(service);
}, 60_000);
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
});
afterAll(async () => {
  await worker?.stop();
  await service?.stop();
});

async function open(caller: Caller, lastEventId?: string): Promise<EventReader> {
  const reader = await EventReader.openAt(caller, '/v1/events', lastEventId);
  readers.push(reader);
  return reader;
}

async function oneTerm(caller: Caller, election: string): Promise<void> {
  const { body } = await caller.campaign(election, { candidate: 'c' });
  await caller.resign(election, body);
}

const named = (events: readonly SeenEvent[]): string[] =>
  events
    .filter(({ event }) => event.includes('.'))
    .map(({ data }) => `${String(data['election'])} ${String(data['sequence'])}`);

/** Until the relay has taken what the elections have told. */
async function recorded(caller: Caller, election: string, terms: number): Promise<void> {
  const done = async (): Promise<boolean> => {
    const { body } = await caller.get(`/v1/elections/${election}/history`);
    const over = (body['data'] as { endedAt: string | null }[]).filter(({ endedAt }) => endedAt !== null);
    return over.length === terms;
  };
  await waitUntil(done, { what: 'the history', withinMs: 10_000 });
}

/** Everything that takes the right to listen from whoever listens already. */
const ENDINGS: [string, (tenant: Tenant) => Promise<unknown>][] = [
  [
    'its key is revoked',
    ({ id, keyId }) => service.operator.delete(`/admin/v1/tenants/${id}/api-keys/${keyId}`),
  ],
  [
    'its tenant is suspended',
    ({ id }) => service.operator.patch(`/admin/v1/tenants/${id}`, { status: 'suspended' }),
  ],
  ['its tenant is deleted', ({ id }) => service.operator.delete(`/admin/v1/tenants/${id}?force=true`)],
];

describe('a stream', () => {
  it.each(ENDINGS)('tells nothing more and ends when %s', async (_what, end) => {
    const tenant = await service.tenant();
    const election = await tenant.caller.election();
    await tenant.caller.campaign(election, { candidate: 'one' });
    const paths = ['/v1/events', `/v1/elections/${election}/events`];
    const readers = await Promise.all(paths.map((path) => EventReader.openAt(tenant.caller, path)));
    for (const reader of readers) await reader.until(1);
    await end(tenant);
    for (const reader of readers) {
      await reader.untilEnded();
      expect(reader.events.map(({ event }) => event)).toEqual(['snapshot']);
    }
  });
});

describe('events of all elections', () => {
  it('begin with everything as it is, and go on with every change, each election in its order', async () => {
    const { caller } = await service.tenant();
    const [a, b] = [await caller.election({ name: 'a' }), await caller.election({ name: 'b' })];
    await caller.campaign(a, { candidate: 'one' });
    const reader = await open(caller);
    const [snapshot] = await reader.until(1);
    expect(snapshot).toMatchObject({
      event: 'snapshot',
      data: {
        complete: true,
        elections: [
          { election: 'a', state: 'open', leader: { candidate: 'one' }, sequence: 1 },
          { election: 'b', state: 'open', leader: null, sequence: 0 },
        ],
      },
    });
    await oneTerm(caller, b);
    await caller.election({ name: 'c' });
    await oneTerm(caller, 'c');
    const seen = await reader.until(7);
    expect(named(seen)).toEqual(['b 1', 'b 2', 'b 3', 'c 1', 'c 2', 'c 3']);
  });

  it('go on after any event, at another replica, without repeating or leaving out any', async () => {
    const { caller } = await service.tenant();
    for (const name of ['a', 'b', 'c']) await caller.election({ name });
    const first = await open(caller);
    await Promise.all(['a', 'b', 'c'].map((election) => oneTerm(caller, election)));
    await first.until(10);
    for (const election of ['a', 'b', 'c']) await recorded(caller, election, 1);
    const beside = await Service.start({ beside: service });
    try {
      const there = caller.with({ url: beside.url });
      await oneTerm(caller, 'b');
      await first.until(13);
      const events = first.events.filter(({ event }) => event.includes('.'));
      for (const index of [0, 4, 8, 11]) {
        const resumed = await open(there, events[index]?.id);
        await resumed.until(events.length - index - 1);
        expect(named(resumed.events)).toEqual(named(events.slice(index + 1)));
      }
      const tail = await open(there, events.at(-1)?.id);
      await oneTerm(caller, 'a');
      await tail.until(3);
      expect(named(tail.events)).toEqual(['a 4', 'a 5', 'a 6']);
    } finally {
      await beside.stop();
    }
  }, 60_000);

  it('say gap and show everything to a reader whose place cannot be found', async () => {
    const { caller } = await service.tenant();
    await caller.election({ name: 'a' });
    const forged = Buffer.from('0.1.elc_000000000000000000000000.1').toString('base64url');
    for (const place of ['no-place-at-all', forged]) {
      const reader = await open(caller, place);
      expect((await reader.until(2)).map(({ event }) => event)).toEqual(['gap', 'snapshot']);
    }
  });

  it('leave out what the key may not see, and every other tenant', async () => {
    const { id, caller } = await service.tenant();
    const { caller: stranger } = await service.tenant();
    const { caller: narrow } = await service.key(id, { electionPrefix: 'team-', scopes: ['elections:read'] });
    for (const name of ['team-a', 'other']) await caller.election({ name });
    await stranger.election({ name: 'team-a' });
    const reader = await open(narrow);
    const [snapshot] = await reader.until(1);
    expect(snapshot?.data['elections']).toMatchObject([{ election: 'team-a', sequence: 0 }]);
    await oneTerm(stranger, 'team-a');
    await oneTerm(caller, 'other');
    await oneTerm(caller, 'team-a');
    expect(named(await reader.until(4))).toEqual(['team-a 1', 'team-a 2', 'team-a 3']);
    // What it may not see it did not miss.
    const resumed = await open(narrow, reader.events[1]?.id);
    expect(named(await resumed.until(2))).toEqual(['team-a 2', 'team-a 3']);
  });
});
