import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';
import { EventReader } from './event-reader.js';

let service: Service;
let caller: Caller;
const readers: EventReader[] = [];

beforeAll(async () => {
  service = await Service.start();
  ({ caller } = await service.tenant());
}, 60_000);

afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
});

afterAll(() => service?.stop());

async function open(election: string, lastEventId?: string): Promise<EventReader> {
  const reader = await EventReader.open(caller, election, lastEventId);
  readers.push(reader);
  return reader;
}

/** So many terms, each one candidate that resigns. */
async function terms(election: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const { body } = await caller.campaign(election, { candidate: `c${at}` });
    await caller.resign(election, body);
  }
}

describe('events', () => {
  it('begins with a snapshot and goes on with every change in order', async () => {
    const election = await caller.election();
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    const reader = await open(election);
    expect(reader.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const [snapshot] = await reader.until(1);
    expect(snapshot).toMatchObject({
      event: 'snapshot',
      data: { election, state: 'open', leader: { candidate: 'one' }, term: 1, fence: 1, sequence: 1 },
    });
    expect(reader.retryMs).toBeGreaterThan(0);
    await caller.resign(election, leader);
    await caller.campaign(election, { candidate: 'two' });
    const seen = await reader.until(4);
    expect(seen.slice(1).map(({ event, data }) => [event, data['sequence'], data['term']])).toEqual([
      ['leadership.lost', 2, 1],
      ['election.vacant', 3, 1],
      ['leadership.acquired', 4, 2],
    ]);
    expect(seen[1]?.data).toMatchObject({ reason: 'resigned', previousLeader: { candidate: 'one' } });
    expect(seen[3]?.data).toMatchObject({
      type: 'leadership.acquired',
      leader: { candidate: 'two' },
      fence: 2,
    });
  });

  it('goes on after Last-Event-ID without a hole and without a repetition', async () => {
    const election = await caller.election();
    await terms(election, 1);
    const first = await open(election);
    const [{ id } = { id: '' }] = await first.until(1);
    first.close();
    await terms(election, 2);
    const second = await open(election, id);
    const before = await second.until(6);
    const third = await open(election, before[2]?.id);
    const missed = (await third.until(3)).filter(({ event }) => event !== 'snapshot');
    const sequences = before.filter(({ event }) => event !== 'snapshot').map(({ data }) => data['sequence']);
    expect(sequences).toEqual([4, 5, 6, 7, 8, 9]);
    expect(missed.map(({ data }) => data['sequence'])).toEqual(sequences.slice(3));
  });

  it('says "gap" for a place that it does not have, and then tells the whole truth', async () => {
    const election = await caller.election();
    await terms(election, 1);
    const reader = await open(election, '7.999999');
    const [gap, snapshot] = await reader.until(2);
    expect([gap?.event, snapshot?.event]).toEqual(['gap', 'snapshot']);
    expect(snapshot?.data).toMatchObject({ leader: null, term: 1, sequence: 3 });
  });

  it('ends with "closed" when the election is deleted', async () => {
    const election = await caller.election();
    const reader = await open(election);
    await reader.until(1);
    await caller.delete(`/v1/elections/${election}`);
    await reader.untilEnded();
    expect(reader.events.at(-1)?.event).toBe('closed');
  });

  it('is refused as a problem for an election that does not exist', async () => {
    const { status, body, headers } = await caller.get('/v1/elections/nowhere/events');
    expect([status, body['code']]).toEqual([404, 'election.not_found']);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  it('tells every one of many streams the same', async () => {
    const election = await caller.election();
    const many = await Promise.all(Array.from({ length: 50 }, () => open(election)));
    await Promise.all(many.map((reader) => reader.until(1)));
    await terms(election, 3);
    await Promise.all(many.map((reader) => reader.until(10)));
    const told = many.map((reader) =>
      reader.events
        .slice(1)
        .map(({ id, event }) => `${id} ${event}`)
        .join(),
    );
    expect(new Set(told).size).toBe(1);
  });
});
