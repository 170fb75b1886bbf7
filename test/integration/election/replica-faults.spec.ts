import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '#core';
import { type Participant, waitUntil } from '#testing';
import { RemoteReplica } from './remote-replica.js';
import { BOUND_MS, Rig, type RigReplica, soon, storedCandidacies, storedLeader, target } from './rig.js';

const TTL_MS = 1_500;

let rig: Rig;
const frozen: RemoteReplica[] = [];
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => {
  await rig.clear();
  await Promise.all(frozen.splice(0).map((remote) => remote.process.kill()));
});
afterAll(async () => rig.close());

async function startRemote(): Promise<RemoteReplica> {
  const remote = await RemoteReplica.start(rig.etcd.urls[0] ?? '', rig.prefix);
  frozen.push(remote);
  return remote;
}

/** A leader that renews nowhere, and is known to be dead by that. */
async function untilEnded(on: RigReplica, dead: Participant): Promise<void> {
  const gone = async (): Promise<boolean> =>
    !(await storedCandidacies(on, dead)).includes(dead.standing?.candidateId ?? '');
  await waitUntil(gone, { what: `${dead.name} to be ended`, withinMs: CROWD_TTL_MS + 2 * BOUND_MS });
}

/** Short enough to pass while a replica stands still, long enough to renew in on a busy machine. */
const CROWD_TTL_MS = 3_000;

describe('a replica frozen past a ttl and thawed', () => {
  it('answers a renewal that waited in it with the end of the session, and names the new leader', async () => {
    const remote = await startRemote();
    const other = await rig.replica();
    await rig.election(other);
    const [a, b] = [rig.participant('a', { ttlMs: TTL_MS }), rig.participant('b')];
    await a.campaign(remote);
    await b.campaign(remote);
    const belief = rig.watchBelief(a, b);
    rig.keepRenewing(b, () => other);
    await remote.freeze();
    const waiting = a.renew(remote);
    const ended = expect(waiting).rejects.toMatchObject({ code: 'session.expired' });
    await waitUntil(() => b.believes, { what: 'the successor to lead', withinMs: 2 * TTL_MS + BOUND_MS });
    remote.thaw();
    expect(await remote.leader(target)).toMatchObject({ leader: { name: 'b', term: 2 } });
    await ended;
    expect(a.believes).toBe(false);
    expect(belief.stop()).toEqual([]);
  });

  it('ends nobody that has renewed elsewhere meanwhile', async () => {
    const remote = await startRemote();
    const other = await rig.replica();
    await rig.election(other, { ttlMs: CROWD_TTL_MS });
    const crowd = Array.from({ length: 20 }, (_, index) => rig.participant(`p-${index}`));
    for (const participant of crowd) await participant.campaign(remote);
    const renewals = crowd.map((participant) => rig.keepRenewing(participant, () => other));
    const dead = rig.participant('dead');
    await dead.campaign(other.replica);
    await remote.freeze();
    // Whoever was ended while the replica stood still is its proof that a ttl has passed.
    await untilEnded(other, dead);
    const late = rig.participant('late', { ttlMs: 500 });
    await late.campaign(other.replica);
    remote.thaw();
    await untilEnded(other, late);
    expect(renewals.flatMap(({ failures }) => failures)).toEqual([]);
    expect(await crowd[0]?.renew(remote)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    expect(await storedCandidacies(other)).toHaveLength(crowd.length);
  });
});

describe('a restart of all replicas', () => {
  it('keeps the terms of leaders that renew and replaces a dead leader within its ttl and a bound', async () => {
    const before = await rig.pair();
    const elections = Array.from({ length: 10 }, (_, index) => `kept-${index}`);
    const leaders = elections.map((election) => rig.participant('leader', { election }));
    for (const leader of leaders) {
      await rig.election(before[0], { election: leader.election });
      await leader.campaign(before[0].replica);
    }
    const [dead, waiter] = [rig.participant('dead', { ttlMs: TTL_MS }), rig.participant('waiter')];
    await dead.campaign(before[0].replica);
    await waiter.campaign(before[1].replica);
    for (const { proxy } of before) proxy.cut();

    const after = await Promise.all([rig.replica(), rig.replica()]);
    const restartedMs = systemClock.monotonicMs();
    for (const participant of [...leaders, waiter]) rig.keepRenewing(participant, () => after[0]);
    await waitUntil(() => waiter.believes, {
      what: 'the dead leader to be replaced',
      withinMs: TTL_MS + 5 * BOUND_MS,
    });
    expect(systemClock.monotonicMs() - restartedMs).toBeLessThan(TTL_MS + BOUND_MS);
    for (const leader of leaders) {
      expect(await leader.renew(after[1].replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    }
    expect(await storedLeader(after[0])).toMatchObject({ name: 'waiter', term: 2 });
    expect(await after[1].replica.elections.leader(target, soon())).toMatchObject({ term: 2 });
  });
});
