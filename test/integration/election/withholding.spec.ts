import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '#core';
import { encode, keys, type TenantRecord } from '#election';
import { type Participant, waitUntil } from '#testing';
import { BOUND_MS, Rig, type RigReplica, soon, storedLeader, target, writing } from './rig.js';

const TTL_MS = 1_500;

let rig: Rig;
let first: RigReplica;
let second: RigReplica;
let a: Participant;
let b: Participant;
beforeAll(async () => {
  rig = await Rig.start();
});
beforeEach(async () => {
  [first, second] = await rig.pair();
  [a, b] = [rig.participant('a', { ttlMs: TTL_MS }), rig.participant('b')];
});
afterEach(async () => rig.clear());
afterAll(async () => rig.close());

async function tenantIs(status: TenantRecord['status']): Promise<void> {
  const value = encode({ status, maxCandidatesPerElection: 100 });
  const writes = [{ kind: 'put' as const, key: keys.tenant(target.tenantId), value }];
  await first.gate.commit({ guards: [], writes, reads: [] }, { lane: 'admin', tenantId: 'test', ...soon() });
}

/** The last moment at which a grant given before now may be believed. */
const grantsEndMs = (participant: Participant): number => participant.believesUntilMs;

describe('deleting an election while its leader renews', () => {
  it('grants no more, names no successor and frees the name only after the last grant is over', async () => {
    await a.campaign(first.replica);
    await b.campaign(second.replica);
    rig.keepRenewing(b, () => second);
    const belief = rig.watchBelief(a, b);
    const granted = grantsEndMs(a);
    expect(await first.replica.management.remove(target, soon())).toBe('closing');
    expect(await a.renew(second.replica)).toMatchObject({ state: 'yielding', reason: 'deleted' });
    rig.keepRenewing(a, () => first);
    const created = await waitUntil(
      async () => {
        await rig.election(second);
        return systemClock.monotonicMs();
      },
      { what: 'the name to be free', withinMs: TTL_MS + BOUND_MS },
    );
    expect(created).toBeGreaterThan(granted);
    expect(b.standing?.state).not.toBe('leader');
    expect(belief.stop()).toEqual([]);
  });

  it('refuses to create the name again, with the reason, while grants may live', async () => {
    await a.campaign(first.replica);
    await first.replica.management.remove(target, soon());
    await expect(rig.election(second)).rejects.toMatchObject({ code: 'election.closing' });
    await expect(b.campaign(second.replica)).rejects.toMatchObject({ code: 'election.closing' });
    expect(await storedLeader(second)).toMatchObject({ name: 'a', withheld: { reason: 'deleted' } });
  });

  it('is over at once when the leader acknowledges by resigning', async () => {
    await a.campaign(first.replica);
    await first.replica.management.remove(target, soon());
    await a.resign(second.replica);
    const { revision } = second.replica.view;
    await waitUntil(() => rig.election(second).then(() => true), {
      what: 'the name to be free',
      withinMs: TTL_MS / 2,
    });
    expect(second.replica.view.revision).toBeGreaterThan(revision);
  });

  it('keeps the fence: a leader of the name created anew stands above every earlier one', async () => {
    await a.campaign(first.replica);
    await a.resign(first.replica);
    await b.campaign(second.replica);
    await b.resign(second.replica);
    expect(await first.replica.management.remove(target, soon())).toBe('closed');
    await rig.election(second);
    const anew = rig.participant('c');
    expect(await anew.campaign(first.replica)).toMatchObject({
      state: 'leader',
      grant: { term: 3, fence: 3 },
    });
  });

  it('leaves nobody of the old election in the queue of the new one, however long the queue was', async () => {
    await a.campaign(first.replica);
    const waiters = Array.from({ length: 35 }, (_, index) => rig.participant(`waiter-${index}`));
    await Promise.all(waiters.map((waiter) => waiter.campaign(first.replica)));
    await first.replica.management.remove(target, soon());
    await a.resign(first.replica);
    await waitUntil(() => rig.election(second).then(() => true), { what: 'the name to be free', everyMs: 1 });
    const { data } = await second.replica.management.candidates(target, soon(), { limit: 100 });
    expect(data).toEqual([]);
  });
});

describe('pausing an election while its leader renews', () => {
  it('and opening it before the grants are over keeps the term', async () => {
    await a.campaign(first.replica);
    await b.campaign(second.replica);
    await first.replica.management.change(target, { state: 'paused' }, soon());
    expect(await a.renew(second.replica)).toMatchObject({ state: 'yielding', reason: 'paused' });
    await second.replica.management.change(target, { state: 'open' }, soon());
    expect(await a.renew(first.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    rig.keepRenewing(a, () => first);
    rig.keepRenewing(b, () => second);
    // Once another election's leader, marked later, has been replaced, the watch of the withdrawn mark is over too.
    const other = { ...target, election: 'other' };
    await rig.election(first, other);
    const c = rig.participant('c', { ...other, ttlMs: TTL_MS });
    await c.campaign(first.replica);
    rig.keepRenewing(c, () => first);
    await first.replica.management.change(other, { state: 'paused' }, soon());
    await waitUntil(() => c.standing?.state === 'out', { what: 'the other leader to be replaced' });
    expect(await a.renew(second.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
  });

  it('replaces nobody before its grants are over, and fills the seat when it is opened again', async () => {
    await a.campaign(first.replica);
    await b.campaign(second.replica);
    rig.keepRenewing(b, () => second);
    const belief = rig.watchBelief(a, b);
    const granted = grantsEndMs(a);
    await first.replica.management.change(target, { state: 'paused' }, soon());
    const out = await waitUntil(
      async () => {
        const standing = await a.renew(first.replica);
        return standing.state === 'out' && standing;
      },
      { what: 'the leader to be out', withinMs: TTL_MS + BOUND_MS, everyMs: 50 },
    );
    expect(systemClock.monotonicMs()).toBeGreaterThan(granted);
    expect(out).toMatchObject({ reason: 'paused', leader: null });
    expect(await b.renew(first.replica)).toMatchObject({ state: 'waiting', position: 1 });
    await second.replica.management.change(target, { state: 'open' }, soon());
    expect(await b.renew(first.replica)).toMatchObject({ state: 'leader', grant: { term: 2 } });
    expect(belief.stop()).toEqual([]);
  });
});

describe('a mark that was withdrawn and set again while its replacement was under way', () => {
  it('saves the grants that were given in between: only the watch of the new mark replaces the leader', async () => {
    await a.campaign(first.replica);
    await rig.caughtUp();
    // The second replica sees no mark, so it replaces nobody; its calls read what they need.
    second.gate.holdWatch();
    rig.keepRenewing(a, () => second);
    await second.replica.management.change(target, { state: 'paused' }, soon());
    const replacement = first.gate.holdCommits(writing('delete', /\/0\/leader$/));
    await replacement.arrived();
    await second.replica.management.change(target, { state: 'open' }, soon());
    expect(await a.renew(second.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    const granted = grantsEndMs(a);
    await second.replica.management.change(target, { state: 'paused' }, soon());
    replacement.release();
    second.gate.releaseWatch();
    await waitUntil(() => a.standing?.state === 'out', { what: 'the leader to be out', everyMs: 5 });
    expect(systemClock.monotonicMs()).toBeGreaterThan(granted);
    expect(a.standing).toMatchObject({ reason: 'paused' });
  });
});

describe('suspending a tenant', () => {
  it('makes its leader yield and then ends the term; activating it again fills the vacancy', async () => {
    await tenantIs('active');
    await a.campaign(first.replica);
    await b.campaign(second.replica);
    rig.keepRenewing(b, () => second);
    const granted = grantsEndMs(a);
    await tenantIs('suspended');
    await waitUntil(async () => (await a.renew(second.replica)).state === 'yielding', {
      what: 'the leader to yield',
    });
    expect(a.standing).toMatchObject({ state: 'yielding', reason: 'suspended' });
    const out = async (): Promise<boolean> => (await a.renew(first.replica)).state === 'out';
    await waitUntil(out, { what: 'the leader to be out', withinMs: TTL_MS + BOUND_MS, everyMs: 50 });
    expect(systemClock.monotonicMs()).toBeGreaterThan(granted);
    expect(a.standing).toMatchObject({ state: 'out', reason: 'suspended' });
    expect(await b.renew(second.replica)).toMatchObject({ state: 'waiting', leader: null });
    await tenantIs('active');
    await waitUntil(() => b.believes, { what: 'the vacancy to be filled' });
    expect(await b.renew(first.replica)).toMatchObject({ state: 'leader', grant: { term: 2 } });
  });

  it('starts no term of a campaign that was decided before the suspension was seen', async () => {
    await tenantIs('active');
    await waitUntil(() => second.replica.directory.tenant(target.tenantId), {
      what: 'the tenant to be known',
    });
    second.gate.holdWatch();
    await tenantIs('suspended');
    expect(await a.campaign(second.replica)).toMatchObject({ state: 'waiting', leader: null });
    second.gate.releaseWatch();
    expect(await storedLeader(first)).toBeUndefined();
  });
});
