import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '#core';
import { waitUntil } from '#testing';
import { Rig, sessionRevision, storedLeader, writing } from './rig.js';

/** Longer than the time that a replica gives the store to take a settlement. */
const SETTLEMENT_OVERDUE_MS = 2_100;
/** Well below the period of the sweep, which would fill the vacancy in the end. */
const SOON_MS = 1_500;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => rig.clear());
afterAll(async () => rig.close());

describe('a vacancy', () => {
  it('whose settlement the store did not take in time is filled soon after, not by the next sweep', async () => {
    const on = await rig.replica();
    await rig.election(on);
    const [a, b] = [rig.participant('a', { ttlMs: 300 }), rig.participant('b')];
    await a.campaign(on.replica);
    await b.campaign(on.replica);
    const held = on.gate.holdCommits(writing('put', /\/0\/leader$/));
    await held.arrived();
    const overdueMs = systemClock.monotonicMs() + SETTLEMENT_OVERDUE_MS;
    await waitUntil(() => systemClock.monotonicMs() > overdueMs, { what: 'the settlement to be overdue' });
    held.release();
    const releasedMs = systemClock.monotonicMs();
    await waitUntil(async () => (await b.renew(on.replica)).state === 'leader', {
      what: 'the vacancy to be filled',
    });
    expect(systemClock.monotonicMs() - releasedMs).toBeLessThan(SOON_MS);
    expect(b.standing).toMatchObject({ state: 'leader', grant: { term: 2 } });
  });

  it('is filled by the other replica when the first in line dies with the session already ended', async () => {
    const [first, second] = await rig.pair();
    const [a, b] = [rig.participant('a', { ttlMs: 300 }), rig.participant('b')];
    await a.campaign(first.replica);
    await b.campaign(first.replica);
    const held = [first, second].map(({ gate }) => gate.holdCommits(writing('put', /\/0\/leader$/)));
    const settler = await waitUntil(() => [first, second].find((_on, index) => held[index]?.caught), {
      what: 'a replica to settle the election',
      everyMs: 1,
    });
    const survivor = settler === first ? second : first;
    expect(await sessionRevision(survivor, a)).toBeUndefined();
    settler.proxy.cut();
    held[survivor === first ? 0 : 1]?.release();
    await waitUntil(async () => (await b.renew(survivor.replica)).state === 'leader', {
      what: 'the vacancy to be filled',
      withinMs: SOON_MS,
    });
    expect(await storedLeader(survivor)).toMatchObject({ name: 'b', term: 2 });
  });
});
