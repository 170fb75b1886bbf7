import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '#core';
import { decode, electionRef, type EventRecord, keys } from '#election';
import { type Participant, waitUntil } from '#testing';
import { BOUND_MS, Rig, type RigReplica, soon, stored, storedLeader, target } from './rig.js';

const TTL_MS = 1_500;
const REF = electionRef(target.tenantId, target.election);

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => rig.clear());
afterAll(async () => rig.close());

/** A participant that renews on one of the two replicas until the test is over. */
async function standing(
  on: RigReplica,
  name: string,
  wishes: Parameters<Participant['campaign']>[1] = {},
): Promise<Participant> {
  const participant = rig.participant(name, { ttlMs: TTL_MS });
  await participant.campaign(on.replica, wishes);
  rig.keepRenewing(participant, () => on);
  return participant;
}

async function untilLeads(...participants: Participant[]): Promise<void> {
  await waitUntil(() => participants.every(({ believes }) => believes), {
    what: `${participants.map(({ name }) => name).join(' and ')} to lead`,
    withinMs: 2 * TTL_MS + 2 * BOUND_MS,
    everyMs: 2,
  });
}

async function events(on: RigReplica): Promise<EventRecord[]> {
  const entries = await stored(on, { kind: 'prefix', prefix: keys.events(REF) });
  return entries.map(({ value }) => decode<EventRecord>(value));
}

/** Who led, in order, as the events tell it. */
async function reigns(on: RigReplica): Promise<string[]> {
  const all = await events(on);
  return all.flatMap(({ type, leader }) => (type === 'leadership.acquired' && leader ? [leader.name] : []));
}

const leaderOf = async (on: RigReplica, seat: number): Promise<string | undefined> =>
  (await on.replica.elections.leader({ ...target, seat }, soon())).leader?.name;

describe('preemption', () => {
  it('gives the seat to a higher priority that joins, after the grants of the leader that renews are over', async () => {
    const [first, second] = await rig.pair({ policy: 'priority', preemption: true });
    const low = await standing(first, 'low', { priority: 1 });
    const high = rig.participant('high');
    const both = rig.watchBelief(low, high);
    await high.campaign(second.replica, { priority: 9 });
    rig.keepRenewing(high, () => second);
    await untilLeads(high);
    expect(await storedLeader(first)).toMatchObject({ name: 'high', term: 2 });
    await waitUntil(() => low.standing?.state === 'waiting', { what: 'the old leader to wait' });
    expect(both.stop()).toEqual([]);
    expect((await events(first)).find(({ type }) => type === 'leadership.lost')).toMatchObject({
      reason: 'preempted',
    });
  });
});

describe('rotation', () => {
  it('lets three that renew all the time lead in turns, round and round', async () => {
    const [first, second] = await rig.pair({ policy: 'rotation', maxTermMs: 300 });
    const all = [await standing(first, 'a'), await standing(second, 'b'), await standing(first, 'c')];
    const belief = rig.watchBelief(...all);
    const turns = async (): Promise<boolean> => (await reigns(first)).length >= 5;
    await waitUntil(turns, { what: 'five terms', withinMs: 4 * TTL_MS + 4 * BOUND_MS });
    expect((await reigns(first)).slice(0, 5)).toEqual(['a', 'b', 'c', 'a', 'b']);
    expect(belief.stop()).toEqual([]);
  });
});

describe('a leader that reports a health below the floor', () => {
  it('goes, and is elected again when it is well and nobody better waits', async () => {
    const [first, second] = await rig.pair({ policy: 'health', healthFloor: 50 });
    const a = rig.participant('a', { ttlMs: TTL_MS });
    await a.campaign(first.replica);
    const b = await standing(second, 'b', { health: 60 });
    const belief = rig.watchBelief(a, b);
    await a.renew(first.replica, undefined, { health: 20 });
    rig.keepRenewing(a, () => first);
    await untilLeads(b);
    expect(await storedLeader(second)).toMatchObject({ name: 'b', term: 2 });
    await waitUntil(() => a.standing?.state === 'waiting', { what: 'the sick one to wait' });
    await a.renew(second.replica, undefined, { health: 90 });
    await rig.caughtUp();
    await b.resign(first.replica);
    expect(await storedLeader(first)).toMatchObject({ name: 'a', term: 3 });
    expect(belief.stop()).toEqual([]);
  });
});

describe('a takeover delay', () => {
  it('keeps others waiting after a crash, and the name that crashed has the seat back at once', async () => {
    const [first, second] = await rig.pair({ takeoverDelayMs: 60_000 });
    const dead = rig.participant('a', { ttlMs: 500 });
    await dead.campaign(first.replica);
    const b = await standing(second, 'b');
    const vacant = async (): Promise<boolean> => (await storedLeader(first)) === undefined;
    await waitUntil(vacant, { what: 'the crash to be noticed', withinMs: 500 + BOUND_MS });
    expect(await b.renew(first.replica)).toMatchObject({ state: 'waiting' });
    const { seats } = await second.replica.management.status(target, soon());
    expect(Date.parse(seats[0]?.takeoverAt ?? '')).toBeGreaterThan(systemClock.wallTimeMs() + 30_000);
    const back = rig.participant('a');
    expect(await back.campaign(second.replica, { idempotencyKey: 'back' })).toMatchObject({
      ...{ state: 'leader', grant: { term: 2 } },
    });
  });

  it('is over in time, on the replica that is left', async () => {
    const [first, second] = await rig.pair({ takeoverDelayMs: 1_000 });
    await rig.participant('a', { ttlMs: 500 }).campaign(first.replica);
    const b = await standing(second, 'b');
    const vacant = async (): Promise<boolean> => (await storedLeader(second)) === undefined;
    await waitUntil(vacant, { what: 'the crash to be noticed', withinMs: 500 + BOUND_MS });
    first.proxy.cut();
    await untilLeads(b);
    const [lost, acquired] = (await events(second)).filter(
      ({ type, sequence }) => sequence > 1 && type !== 'election.vacant',
    );
    const waitedMs = Date.parse(acquired?.occurredAt ?? '') - Date.parse(lost?.occurredAt ?? '');
    expect(waitedMs).toBeGreaterThanOrEqual(950);
  });
});

describe('a candidate that fails three times soon after it was elected', () => {
  it('is held back until that is lifted, and then leads', async () => {
    const [first, second] = await rig.pair({ shortTermMs: 60_000, quarantineAfter: 3 });
    for (const idempotencyKey of ['one', 'two', 'three']) {
      const flapping = rig.participant('flapping');
      await flapping.campaign(first.replica, { idempotencyKey });
      const { session, candidateId = '' } = flapping.standing ?? {};
      await first.replica.elections.resign(
        { ...target, session: session ?? '', candidateId, failed: true },
        soon(),
      );
    }
    const again = rig.participant('flapping');
    expect(await again.campaign(second.replica, { idempotencyKey: 'four' })).toMatchObject({
      state: 'waiting',
    });
    await second.replica.management.holdBack({ ...target, candidate: 'flapping' }, true, soon());
    rig.keepRenewing(again, () => second);
    await untilLeads(again);
    const unstable = (await events(first)).filter(({ type }) => type === 'election.unstable');
    expect(unstable).toHaveLength(2);
  });
});

describe('three seats', () => {
  it('are led by three of five, and a crash gives one seat to the next in line', async () => {
    const [first, second] = await rig.pair({ seats: 3 });
    const crashing = rig.participant('p-0', { ttlMs: 500 });
    await crashing.campaign(first.replica);
    const others: Participant[] = [];
    for (const name of ['p-1', 'p-2', 'p-3', 'p-4']) others.push(await standing(second, name));
    await untilLeads(...others.slice(0, 3));
    expect(await Promise.all([0, 1, 2].map((seat) => leaderOf(first, seat)))).toEqual(['p-3', 'p-1', 'p-2']);
    const fences = others.slice(0, 3).map(({ standing: now }) => [now?.grant?.seat, now?.grant?.fence]);
    expect(fences).toEqual([
      [1, 1],
      [2, 1],
      [0, 2],
    ]);
    expect(others[3]?.standing?.state).toBe('waiting');
  });

  it('are not lowered below their leaders, unless these are to step down, which they do one ttl later', async () => {
    const [first, second] = await rig.pair({ seats: 3 });
    const all = [await standing(first, 'a'), await standing(second, 'b'), await standing(first, 'c')];
    await untilLeads(...all);
    const lower = first.replica.management.change(target, { seats: 1 }, soon());
    await expect(lower).rejects.toMatchObject({ code: 'election.seats_in_use' });
    await second.replica.management.change(target, { seats: 1, retireSeats: true }, soon());
    await waitUntil(() => all[1]?.standing?.state === 'waiting' && all[2]?.standing?.state === 'waiting', {
      ...{ what: 'the retired leaders to wait', withinMs: 2 * TTL_MS + BOUND_MS },
    });
    expect(all[0]?.standing).toMatchObject({ state: 'leader', grant: { seat: 0, term: 1 } });
    const retired = (await events(first)).filter(({ reason }) => reason === 'seat_retired');
    expect(retired.map(({ seat }) => seat).sort()).toEqual([1, 1, 2, 2]);
  });
});
