import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '#core';
import { waitUntil } from '#testing';
import { Rig, sessionRevision, soon, storedCandidacies, storedLeader, target, writing } from './rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => rig.clear());
afterAll(async () => rig.close());

describe('a campaign whose reply is lost', () => {
  it('on the way from etcd is answered by the replica with the one candidacy and term that it made', async () => {
    const [first, second] = await rig.pair();
    const a = rig.participant('a');
    first.proxy.holdReplies();
    const answer = a.campaign(first.replica);
    const won = await waitUntil(() => storedLeader(second), { what: 'the campaign to win' });
    first.proxy.disconnect();
    first.proxy.pass();
    expect(await answer).toMatchObject({ state: 'leader', candidateId: won.candidateId, grant: { term: 1 } });
    expect(await storedCandidacies(second)).toEqual([won.candidateId]);
  });

  it('on the way to the participant is found by its repeat, at the same and at another replica', async () => {
    const [first, second] = await rig.pair();
    const a = rig.participant('a');
    const held = first.gate.holdOutcomes(writing('put', /\/leader$/));
    const lost = a.campaign(first.replica);
    await held.arrived();
    const elsewhere = await a.campaign(second.replica);
    held.release();
    const again = await a.campaign(first.replica);
    const { candidateId, session } = elsewhere;
    expect(elsewhere).toMatchObject({ state: 'leader', grant: { term: 1, fence: 1 } });
    expect(again).toMatchObject({ state: 'leader', candidateId, session, grant: { term: 1, fence: 1 } });
    expect(await lost).toMatchObject({ candidateId, session });
    expect(await storedCandidacies(first)).toEqual([candidateId]);
  });

  it('of a campaign that reached etcd twice makes one candidacy, whichever replica is first', async () => {
    const [first, second] = await rig.pair();
    const a = rig.participant('a');
    const [one, two] = await Promise.all([a.campaign(first.replica), a.campaign(second.replica)]);
    expect(one).toMatchObject({ state: 'leader', grant: { term: 1 } });
    expect(two).toMatchObject({ state: 'leader', candidateId: one.candidateId, grant: { term: 1 } });
    expect(await storedCandidacies(first)).toEqual([one.candidateId]);
  });
});

describe('a campaign repeated late', () => {
  it('rewrites the session and grants from its own send, not from that of the first', async () => {
    const [first, second] = await rig.pair({ ttlMs: 10_000 });
    const a = rig.participant('a');
    await a.campaign(first.replica);
    const before = await sessionRevision(second, a);
    const sentAtMs = systemClock.monotonicMs();
    const again = await a.campaign(second.replica);
    expect(again).toMatchObject({ state: 'leader', grant: { term: 1, validForMs: 9_800 } });
    expect(await sessionRevision(first, a)).toBeGreaterThan(before ?? Infinity);
    expect(a.believesUntilMs).toBeGreaterThanOrEqual(sentAtMs + 9_800);
  });

  it('grants nothing that outlives the session when its answer is held back past the ttl', async () => {
    const [first, second] = await rig.pair();
    const [a, b] = [rig.participant('a', { ttlMs: 500 }), rig.participant('b')];
    await a.campaign(first.replica);
    await b.campaign(second.replica);
    const belief = rig.watchBelief(a, b);
    rig.keepRenewing(b, () => second);
    const held = first.gate.holdOutcomes(writing('put', /^s\//));
    const late = a.campaign(first.replica);
    await held.arrived();
    await waitUntil(() => b.believes, { what: 'the successor to lead' });
    held.release();
    expect(await late).toMatchObject({ state: 'leader', grant: { term: 1 } });
    expect(a.believes).toBe(false);
    await expect(a.renew(first.replica)).rejects.toMatchObject({ code: 'session.expired' });
    expect(belief.stop()).toEqual([]);
  });

  it('after its session has ended starts a new stand behind those who wait', async () => {
    const [first, second] = await rig.pair();
    const [a, b] = [rig.participant('a', { ttlMs: 500 }), rig.participant('b')];
    const stood = await a.campaign(first.replica);
    await b.campaign(second.replica);
    rig.keepRenewing(b, () => second);
    const held = first.gate.holdCommits(writing('put', /^s\//));
    const late = a.campaign(first.replica);
    await held.arrived();
    await waitUntil(() => b.believes, { what: 'the successor to lead' });
    held.release();
    const again = await late;
    expect(again).toMatchObject({ state: 'waiting', position: 1, leader: { name: 'b', term: 2 } });
    expect(again.candidateId).not.toBe(stood.candidateId);
  });
});

describe('a resignation whose outcome is unknown', () => {
  it('ends the belief when it is sent and installs the successor once, though the reply is lost', async () => {
    const [first, second] = await rig.pair();
    const [a, b] = [rig.participant('a'), rig.participant('b')];
    await a.campaign(first.replica);
    await b.campaign(second.replica);
    await rig.caughtUp();
    const belief = rig.watchBelief(a, b);
    first.proxy.holdReplies();
    const unknown = a.resign(first.replica);
    expect(a.believes).toBe(false);
    await waitUntil(async () => (await b.renew(second.replica)).state === 'leader', {
      what: 'the successor to lead',
    });
    first.proxy.disconnect();
    first.proxy.pass();
    expect(await unknown).toMatchObject({ state: 'out' });
    expect(await a.resign(second.replica)).toMatchObject({ state: 'out' });
    expect(await b.renew(second.replica)).toMatchObject({ state: 'leader', grant: { term: 2 } });
    expect(belief.stop()).toEqual([]);
  });

  it('that never reached etcd leaves the term, and its former leader is granted nothing it believes', async () => {
    const [first, second] = await rig.pair();
    const [a, b] = [rig.participant('a'), rig.participant('b')];
    await a.campaign(first.replica);
    await b.campaign(second.replica);
    await rig.caughtUp();
    const belief = rig.watchBelief(a, b);
    const held = first.gate.holdCommits(writing('delete', /\/c\//));
    const unknown = a.resign(first.replica);
    await held.arrived();
    expect(a.believes).toBe(false);
    expect(await a.renew(second.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    expect(a.believes).toBe(false);
    held.release();
    expect(await unknown).toMatchObject({ state: 'out', successor: { name: 'b', term: 2 } });
    expect(await b.renew(second.replica)).toMatchObject({ state: 'leader', grant: { term: 2 } });
    expect(belief.stop()).toEqual([]);
  });

  it('is repeated by the replica after the connection was cut, and takes effect once', async () => {
    const [first, second] = await rig.pair();
    const [a, b, c] = [rig.participant('a'), rig.participant('b'), rig.participant('c')];
    await a.campaign(first.replica);
    await b.campaign(second.replica);
    await c.campaign(second.replica);
    await rig.caughtUp();
    first.proxy.holdRequests();
    const unknown = a.resign(first.replica);
    await waitUntil(() => first.proxy.heldRequestBytes > 0, {
      what: 'the resignation to be on its way',
      everyMs: 1,
    });
    first.proxy.disconnect();
    first.proxy.pass();
    expect(await unknown).toMatchObject({ state: 'out', successor: { name: 'b', term: 2 } });
    expect(await b.renew(second.replica)).toMatchObject({ state: 'leader', grant: { term: 2 } });
    expect(await c.renew(second.replica)).toMatchObject({ state: 'waiting', position: 1 });
  });
});

describe('a late duplicate of a resignation', () => {
  it('changes nothing after a new stand of the same participant', async () => {
    const [first, second] = await rig.pair();
    const a = rig.participant('a');
    const { session, candidateId = '' } = await a.campaign(first.replica);
    await a.resign(first.replica);
    const stand = await a.campaign(first.replica);
    const sequence = first.replica.view.revision;
    await rig.caughtUp();
    for (const { replica } of [first, second]) {
      const duplicate = replica.elections.resign({ ...target, session, candidateId }, soon());
      expect(await duplicate).toMatchObject({ state: 'out' });
    }
    expect(first.replica.view.revision).toBeGreaterThanOrEqual(sequence);
    expect(await storedCandidacies(first)).toEqual([stand.candidateId]);
    expect(await a.renew(second.replica)).toMatchObject({
      state: 'leader',
      candidateId: stand.candidateId,
      grant: { term: 2 },
    });
  });

  it('held on its way until the participant leads again ends nothing', async () => {
    const [first, second] = await rig.pair();
    const a = rig.participant('a');
    const { session, candidateId = '' } = await a.campaign(first.replica);
    await rig.caughtUp();
    const held = second.gate.holdCommits(writing('delete', /\/c\//));
    const duplicate = second.replica.elections.resign({ ...target, session, candidateId }, soon());
    await held.arrived();
    await a.resign(first.replica);
    const stand = await a.campaign(first.replica);
    held.release();
    expect(await duplicate).toMatchObject({ state: 'out' });
    expect(await a.renew(first.replica)).toMatchObject({
      state: 'leader',
      candidateId: stand.candidateId,
      grant: { term: 2 },
    });
  });
});
