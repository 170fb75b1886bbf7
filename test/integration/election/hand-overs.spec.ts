import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock, toTimestamp } from '#core';
import { electionRef, type HandOverRequest, keys } from '#election';
import { type Participant, waitUntil } from '#testing';
import { BOUND_MS, Rig, type RigReplica, soon, stored, storedLeader, target } from './rig.js';

const TTL_MS = 1_500;
const REF = electionRef(target.tenantId, target.election);
const TRANSFER = { ...target, kind: 'transfer', mode: 'graceful', seat: 0, to: 'b' } as const;

let rig: Rig;
let first: RigReplica;
let second: RigReplica;
let a: Participant;
let b: Participant;
let c: Participant;
beforeAll(async () => {
  rig = await Rig.start();
});
beforeEach(async () => {
  [first, second] = await rig.pair();
  a = rig.participant('a', { ttlMs: TTL_MS });
  [c, b] = [rig.participant('c'), rig.participant('b')];
  await a.campaign(first.replica);
  for (const waiter of [c, b]) await waiter.campaign(second.replica);
  rig.keepRenewing(b, () => second);
  rig.keepRenewing(c, () => second);
  await rig.caughtUp();
});
afterEach(async () => rig.clear());
afterAll(async () => rig.close());

const ask = (on: RigReplica, wish: Partial<HandOverRequest> = {}) =>
  on.replica.handOvers.request({ ...TRANSFER, expectedTerm: 1, graceMs: 0, ...wish }, soon());

const handOver = async (on: RigReplica, handOverId: string) =>
  await on.replica.handOvers.get({ ...target, handOverId }, soon());

async function untilLeads(participant: Participant): Promise<number> {
  await waitUntil(() => participant.believes, {
    what: `${participant.name} to lead`,
    withinMs: TTL_MS + 2 * BOUND_MS,
    everyMs: 2,
  });
  return systemClock.monotonicMs();
}

describe('a graceful transfer', () => {
  it('that the leader acknowledges installs the named successor in that very transaction', async () => {
    rig.keepRenewing(a, () => first);
    const asked = await ask(second, { graceMs: 20_000 });
    expect(asked).toMatchObject({ state: 'asked', from: { name: 'a' } });
    await waitUntil(() => a.standing?.yieldByMs, { what: 'the leader to be told' });
    expect(a.standing).toMatchObject({ state: 'leader', reason: 'transferred' });
    const belief = rig.watchBelief(a, b, c);
    expect(await a.stepDown(first.replica)).toMatchObject({
      state: 'waiting',
      leader: { name: 'b', term: 2 },
    });
    const written = [
      keys.leader(REF, 0),
      keys.term(REF, 0),
      keys.candidateName(REF, 'a'),
      keys.handOver(REF, 0),
    ];
    const entries = await Promise.all(written.map((key) => stored(second, { kind: 'key', key })));
    expect(new Set(entries.flat().map(({ modRevision }) => modRevision)).size).toBe(1);
    await untilLeads(b);
    expect(await handOver(second, asked.handOverId)).toMatchObject({
      ...{ state: 'done', acknowledged: true, successor: { name: 'b', term: 2 } },
    });
    expect(belief.stop()).toEqual([]);
  });

  it('that the leader ignores is done by the mark alone, after the grants of a leader that renews all the time', async () => {
    const states = new Set<string>();
    rig.keepRenewing(a, () => first);
    const belief = rig.watchBelief(a, b, c);
    await waitUntil(() => a.believes, { what: 'the leader to renew' });
    await ask(second);
    const markedMs = systemClock.monotonicMs();
    const looking = setInterval(() => void states.add(a.standing?.state ?? ''), 5);
    const ledMs = await untilLeads(b);
    clearInterval(looking);
    // The replica counts from when it saw the mark, which may be a moment before this process heard of it.
    expect(ledMs - markedMs).toBeGreaterThan(TTL_MS - 100);
    expect([...states]).toContain('yielding');
    expect(belief.stop()).toEqual([]);
    await waitUntil(() => a.standing?.state === 'waiting', { what: 'the old leader to wait' });
  });

  it('that is cancelled after the mark gives the leader its grants back, and nobody replaces it', async () => {
    rig.keepRenewing(a, () => first);
    const { handOverId } = await ask(first);
    expect(await a.renew(second.replica)).toMatchObject({ state: 'yielding', reason: 'transferred' });
    await second.replica.handOvers.cancel({ ...target, handOverId }, soon());
    expect(await a.renew(first.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    const belief = rig.watchBelief(a, b, c);
    // Another election's leader, marked later and replaced, is the proof that the wait for the first mark is over.
    const other = { ...target, election: 'other' };
    await rig.election(first, other);
    const [d, e] = [rig.participant('d', { ...other, ttlMs: TTL_MS }), rig.participant('e', other)];
    await d.campaign(first.replica);
    await e.campaign(first.replica);
    rig.keepRenewing(d, () => first);
    rig.keepRenewing(e, () => first);
    await ask(first, { ...other, to: 'e' });
    await untilLeads(e);
    expect(await a.renew(second.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    expect(await handOver(second, handOverId)).toMatchObject({ state: 'cancelled' });
    expect(belief.stop()).toEqual([]);
  });

  it('is carried on by another replica when the one that began it dies', async () => {
    rig.keepRenewing(a, () => second);
    const { handOverId } = await ask(first, { graceMs: 300 });
    first.proxy.cut();
    await untilLeads(b);
    await waitUntil(async () => (await handOver(second, handOverId)).state === 'done', {
      what: 'it to be done',
    });
    expect(await storedLeader(second)).toMatchObject({ name: 'b', term: 2 });
  });

  it('reaches a held renewal of a leader that says which term it knows', async () => {
    const sentMs = systemClock.monotonicMs();
    const held = a.renew(first.replica, TTL_MS / 2, { term: 1 });
    await ask(second, { graceMs: 20_000 });
    expect(await held).toMatchObject({ state: 'leader', reason: 'transferred', grant: { term: 1 } });
    const { yieldByMs = 0 } = a.standing ?? {};
    expect(yieldByMs).toBeGreaterThan(15_000);
    // Half a ttl is how long it would have been held.
    expect(systemClock.monotonicMs() - sentMs).toBeLessThan(TTL_MS / 2);
  });
});

describe('an immediate transfer', () => {
  it('installs the successor at once and says how long the old leader may still believe', async () => {
    const done = await ask(second, { mode: 'immediate' });
    expect(done).toMatchObject({ state: 'done', successor: { name: 'b', term: 2 } });
    expect(done.oldLeaderMayBelieveForMs).toBeLessThanOrEqual(TTL_MS);
    expect(await a.renew(first.replica)).toMatchObject({ state: 'waiting', leader: { name: 'b', term: 2 } });
    await untilLeads(b);
  });

  it('of a term that is over changes nothing', async () => {
    await ask(first, { mode: 'immediate' });
    await expect(ask(second, { mode: 'immediate', to: 'c' })).rejects.toMatchObject({
      code: 'election.term_changed',
    });
    expect(await storedLeader(first)).toMatchObject({ name: 'b', term: 2 });
  });
});

describe('a scheduled transfer', () => {
  it('begins at its time, on whatever replica lives then', async () => {
    rig.keepRenewing(a, () => second);
    const dueMs = systemClock.wallTimeMs() + 1_000;
    const asked = await ask(first, { dueAt: toTimestamp(dueMs) });
    expect(asked.state).toBe('scheduled');
    first.proxy.cut();
    await waitUntil(() => a.standing?.state === 'yielding', {
      what: 'it to begin',
      withinMs: 3 * BOUND_MS,
      everyMs: 2,
    });
    expect(systemClock.wallTimeMs()).toBeGreaterThanOrEqual(dueMs);
    await untilLeads(b);
  });
});
