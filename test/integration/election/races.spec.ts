import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { delay } from '#core';
import { decode, electionRef, type EventRecord, keys } from '#election';
import { type Participant, waitUntil } from '#testing';
import {
  BOUND_MS,
  Rig,
  type RigReplica,
  sessionKey,
  sessionRevision,
  soon,
  stored,
  storedCandidacies,
  storedLeader,
  target,
  writing,
} from './rig.js';

const ROUNDS = 20;
/** Each round is a dozen commits, and continuous integration may have a slow disk. */
const ROUNDS_MS = 60_000;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => rig.clear());
afterAll(async () => rig.close());

const lives = async (on: RigReplica, participant: Participant): Promise<boolean> =>
  (await sessionRevision(on, participant)) !== undefined;

/** Every leader record has its candidacy, and who leads says so. */
async function expectSound(on: RigReplica): Promise<void> {
  const leader = await storedLeader(on);
  const candidacies = await storedCandidacies(on);
  if (leader) expect(candidacies).toContain(leader.candidateId);
}

/** The reasons of all terms that have ended. */
async function endings(on: RigReplica): Promise<unknown[]> {
  const ref = electionRef(target.tenantId, target.election);
  const events = await stored(on, { kind: 'prefix', prefix: keys.events(ref) });
  return events
    .map(({ value }) => decode<EventRecord>(value))
    .flatMap(({ type, reason }) => (type === 'leadership.lost' ? [reason] : []));
}

/** A few ten microseconds to a millisecond: no more than the time a commit takes. */
const jitter = (): Promise<void> => (Math.random() < 0.5 ? Promise.resolve() : delay(Math.random() * 2));

describe('one candidate name at two replicas at the same moment', () => {
  it(
    'lets exactly one stand and refuses the other with election.candidate_taken',
    async () => {
      const [first, second] = await rig.pair();
      for (let round = 0; round < ROUNDS; round += 1) {
        const name = `worker-${round}`;
        const stand = (on: RigReplica, key: string): Promise<unknown> =>
          rig.participant(name).campaign(on.replica, { idempotencyKey: `${name}-${key}` });
        const results = await Promise.allSettled([stand(first, 'one'), stand(second, 'two')]);
        const refused = results.flatMap((result) =>
          result.status === 'rejected' ? [result.reason as unknown] : [],
        );
        expect(refused).toEqual([expect.objectContaining({ code: 'election.candidate_taken' })]);
      }
      expect(await storedCandidacies(first)).toHaveLength(ROUNDS);
    },
    ROUNDS_MS,
  );

  it('decides against the replica whose transition is the later one', async () => {
    const [first, second] = await rig.pair();
    const leader = await rig.participant('leader').campaign(first.replica);
    await rig.caughtUp();
    const held = first.gate.holdCommits(writing('put', /\/n\/worker$/));
    const late = rig.participant('worker').campaign(first.replica, { idempotencyKey: 'one' });
    await held.arrived();
    const won = await rig.participant('worker').campaign(second.replica, { idempotencyKey: 'two' });
    held.release();
    await expect(late).rejects.toMatchObject({ code: 'election.candidate_taken' });
    expect((await storedCandidacies(first)).sort()).toEqual([leader.candidateId, won.candidateId].sort());
  });
});

describe('renewal and end of one session', () => {
  it('the renewal wins if it commits first: the end that was under way ends nothing', async () => {
    const [first, second] = await rig.pair({ ttlMs: 2_000 });
    const a = rig.participant('a');
    await a.campaign(first.replica);
    const ends = [first, second].map(({ gate }) => gate.holdCommits(writing('delete', /^s\//)));
    await waitUntil(() => ends.some(({ caught }) => caught > 0), {
      what: 'a replica to end the session',
      everyMs: 1,
    });
    expect(await a.renew(second.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    for (const end of ends) end.release();
    expect(await a.renew(first.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    expect(await lives(second, a)).toBe(true);
  });

  it('the end wins if it commits first: the renewal that was under way grants nothing', async () => {
    const [first, second] = await rig.pair({ ttlMs: 500 });
    const a = rig.participant('a');
    await a.campaign(first.replica);
    const key = sessionKey(a);
    const held = second.gate.holdCommits(writing('put', /^s\//));
    const renewal = a.renew(second.replica);
    await held.arrived();
    await waitUntil(async () => (await stored(first, { kind: 'key', key })).length === 0, {
      what: 'the session to be ended',
    });
    held.release();
    await expect(renewal).rejects.toMatchObject({ code: 'session.expired' });
    expect(await lives(first, a)).toBe(false);
  });

  it(
    'in one tick of one replica or of two come out as one or the other, never both',
    async () => {
      const [first, second] = await rig.pair();
      const outcomes = { renewed: 0, ended: 0 };
      for (let round = 0; round < ROUNDS; round += 1) {
        const a = rig.participant(`a-${round}`);
        await a.campaign(first.replica);
        const key = sessionKey(a);
        const [entry] = await stored(first, { kind: 'key', key });
        const guards = [{ kind: 'revision' as const, key, revision: entry?.modRevision ?? 0 }];
        const writes = [{ kind: 'delete' as const, key }];
        const end = (on: RigReplica): Promise<{ kind: string }> =>
          on.gate.commit(
            { guards, writes, reads: [] },
            { lane: 'resign', tenantId: target.tenantId, ...soon() },
          );
        const renewer = round % 2 === 0 ? first : second;
        const tries = [(): Promise<unknown> => a.renew(renewer.replica), (): Promise<unknown> => end(first)];
        if (round % 4 > 1) tries.reverse();
        const settled = await Promise.allSettled(tries.map((attempt) => attempt()));
        const renewed = settled.some((result) => result.status === 'fulfilled' && isStanding(result.value));
        const ended = settled.some((result) => result.status === 'fulfilled' && isCommitted(result.value));
        expect(renewed).toBe(!ended);
        expect(await lives(second, a)).toBe(renewed);
        outcomes[renewed ? 'renewed' : 'ended'] += 1;
      }
      expect(outcomes.renewed).toBeGreaterThan(0);
      expect(outcomes.ended).toBeGreaterThan(0);
    },
    ROUNDS_MS,
  );
});

const isStanding = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'state' in value;
const isCommitted = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'committed';

describe('resignations at two replicas', () => {
  it('of the leader and of its successor leave no leader without candidacy, whichever is first', async () => {
    const [first, second] = await rig.pair();
    for (const late of [first, second]) {
      const [a, b, c] = [rig.participant('a'), rig.participant('b'), rig.participant('c')];
      for (const participant of [a, b, c]) await participant.campaign(first.replica);
      await rig.caughtUp();
      const held = late.gate.holdCommits(writing('delete', /\/c\//));
      const both = [a.resign(first.replica), b.resign(second.replica)];
      await held.arrived();
      await both[late === first ? 1 : 0];
      held.release();
      await Promise.all(both);
      await expectSound(first);
      expect(await storedLeader(first)).toMatchObject({ name: 'c' });
      // A leader without candidacy is mended within moments; the history tells that there was one.
      expect((await endings(first)).filter((reason) => reason !== 'resigned')).toEqual([]);
      await c.resign(first.replica);
    }
  });

  it('of a waiter leaves the leader its term, at whichever replica', async () => {
    const [first, second] = await rig.pair();
    const a = rig.participant('a');
    await a.campaign(first.replica);
    for (const on of [first, second]) {
      const waiter = rig.participant('waiter');
      await waiter.campaign(first.replica);
      const answer = await waiter.resign(on.replica);
      expect(answer).not.toHaveProperty('successor');
      expect(await a.renew(on.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    }
    expect(await storedCandidacies(first)).toEqual([a.standing?.candidateId]);
  });

  it(
    'at the same moment, in many rounds, leave the last one leading',
    async () => {
      const [first, second] = await rig.pair();
      const last = rig.participant('last');
      for (let round = 0; round < ROUNDS; round += 1) {
        const [a, b] = [rig.participant('a'), rig.participant('b')];
        await a.campaign(first.replica);
        await b.campaign(second.replica);
        await last.campaign(second.replica);
        await rig.caughtUp();
        await Promise.all([
          jitter().then(() => a.resign(first.replica)),
          jitter().then(() => b.resign(second.replica)),
        ]);
        await expectSound(second);
        expect(await storedLeader(first)).toMatchObject({ name: 'last' });
        await last.resign(first.replica);
        expect(await storedCandidacies(second)).toEqual([]);
      }
    },
    ROUNDS_MS,
  );
});

describe('a join at one replica and the resignation of the leader at another', () => {
  it('cannot miss each other: the join sees the vacancy or the resignation sees the waiter', async () => {
    const [first, second] = await rig.pair();
    for (const late of [first, second]) {
      const [a, b] = [rig.participant('a'), rig.participant('b')];
      await a.campaign(first.replica);
      await rig.caughtUp();
      const held = late.gate.holdCommits(
        (transition) => writing('delete', /\/c\//)(transition) || writing('put', /\/c\//)(transition),
      );
      const both = [a.resign(first.replica), b.campaign(second.replica)];
      await held.arrived();
      await both[late === first ? 1 : 0];
      held.release();
      await Promise.all(both);
      expect(await storedLeader(first)).toMatchObject({ name: 'b' });
      await b.resign(second.replica);
    }
  });

  it(
    'at the same moment, in many rounds, leave the one that joined leading at once',
    async () => {
      const [first, second] = await rig.pair();
      for (let round = 0; round < ROUNDS; round += 1) {
        const [a, b] = [rig.participant('a'), rig.participant('b')];
        await a.campaign(first.replica);
        await rig.caughtUp();
        await Promise.all([
          jitter().then(() => a.resign(first.replica)),
          jitter().then(() => b.campaign(second.replica)),
        ]);
        expect(await storedLeader(first)).toMatchObject({ name: 'b' });
        expect(await b.renew(second.replica)).toMatchObject({ state: 'leader' });
        await b.resign(second.replica);
      }
    },
    ROUNDS_MS,
  );
});

describe("a waiter whose session ended before the leader's", () => {
  it('never wins, although the replica that the leader resigns at has not seen it die', async () => {
    const [first, second] = await rig.pair();
    const [a, dead, c] = [
      rig.participant('a'),
      rig.participant('dead', { ttlMs: 1_200 }),
      rig.participant('c'),
    ];
    await a.campaign(first.replica);
    await dead.campaign(first.replica);
    await c.campaign(first.replica);
    await rig.caughtUp();
    first.gate.holdWatch();
    expect(first.replica.view.sessions.size).toBe(3);
    // Its candidacy stays, so that only the guard on its session can tell.
    const sweep = second.gate.holdCommits(writing('delete', /\/c\//));
    await waitUntil(async () => !(await lives(second, dead)), { what: 'the waiter to be ended' });
    expect(await a.resign(first.replica)).toMatchObject({ state: 'out', successor: { name: 'c', term: 2 } });
    sweep.release();
    first.gate.releaseWatch();
    await expectSound(second);
  });

  it('never wins when it dies between the decision to promote it and the commit', async () => {
    const [first, second] = await rig.pair();
    const [a, dead] = [rig.participant('a'), rig.participant('dead', { ttlMs: 1_200 })];
    await a.campaign(first.replica);
    await dead.campaign(first.replica);
    await rig.caughtUp();
    const held = first.gate.holdCommits(writing('put', /\/0\/leader$/));
    const sweep = second.gate.holdCommits(writing('delete', /\/c\//));
    const resigned = a.resign(first.replica);
    await held.arrived();
    await waitUntil(async () => !(await lives(second, dead)), { what: 'the waiter to be ended' });
    held.release();
    const answer = await resigned;
    expect(answer.state).toBe('out');
    expect(answer.successor).toBeUndefined();
    expect(await storedLeader(second)).toBeUndefined();
    sweep.release();
    await waitUntil(async () => (await storedCandidacies(second)).length === 0, {
      what: 'the dead waiter to be swept',
      withinMs: 5_000 + BOUND_MS,
    });
  });

  it('is not passed over when it stands again unseen by the replica that the leader resigns at', async () => {
    const [first, second] = await rig.pair();
    const [a, dead, b, c] = ['a', 'b', 'b', 'c'].map((name, index) =>
      rig.participant(name, index === 1 ? { ttlMs: 400 } : {}),
    ) as [Participant, Participant, Participant, Participant];
    await a.campaign(first.replica);
    const stood = await dead.campaign(first.replica);
    await waitUntil(async () => (await storedCandidacies(first)).length === 1, {
      what: 'the waiter to be swept',
    });
    await rig.caughtUp();
    second.gate.holdWatch();
    const again = await b.campaign(first.replica);
    await c.campaign(first.replica);
    expect(again.candidateId).not.toBe(stood.candidateId);
    expect(await a.resign(second.replica)).toMatchObject({ successor: { name: 'b' } });
    second.gate.releaseWatch();
  });
});

describe('a leader that was ended', () => {
  it('stands anew with its Idempotency-Key at once, before any replica has settled its old term', async () => {
    const [first, second] = await rig.pair();
    const [before, a] = [rig.participant('a', { ttlMs: 400 }), rig.participant('a')];
    const stood = await before.campaign(first.replica);
    const settlements = [first, second].map(({ gate }) =>
      gate.holdCommits(writing('delete', /\/0\/leader$/)),
    );
    await waitUntil(async () => !(await lives(first, before)), { what: 'the session to be ended' });
    const again = await a.campaign(second.replica);
    expect(again).toMatchObject({ state: 'leader', grant: { term: 2 } });
    expect(again.candidateId).not.toBe(stood.candidateId);
    for (const settlement of settlements) settlement.release();
    expect(await a.renew(first.replica)).toMatchObject({ state: 'leader', grant: { term: 2 } });
    expect(await storedCandidacies(first)).toEqual([again.candidateId]);
  });
});
