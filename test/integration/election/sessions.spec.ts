import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { decode, electionRef, type EventRecord, keys, SessionTokens } from '#election';
import { waitUntil } from '#testing';
import {
  BOUND_MS,
  LONG_TTL_MS,
  Rig,
  type RigReplica,
  SECRET,
  soon,
  stored,
  storedCandidacies,
  storedLeader,
  writing,
} from './rig.js';

const TENANT = 'ten_a';
const LED = ['a', 'b', 'c'];
const WAITED = ['d', 'e'];
const ALL = [...LED, ...WAITED];
const SETTLED_MS = 15_000;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => rig.clear());
afterAll(async () => rig.close());

const target = (election: string) => ({ tenantId: TENANT, election });
const request = (session: string) => ({ tenantId: TENANT, session });
const recordKey = (session: string): string =>
  keys.session(new SessionTokens(SECRET).parse(session, TENANT).sessionId);

/** A session that leads three elections and waits behind `other` in two, known to every replica. */
async function standing(first: RigReplica, ttlMs = LONG_TTL_MS) {
  for (const election of ALL) await rig.election(first, { election });
  const others = WAITED.map((election) => rig.participant('other', { election }));
  for (const other of others) await other.campaign(first.replica);
  const { session } = await first.replica.sessions.open({ tenantId: TENANT, ttlMs }, soon());
  const candidateIds = new Map<string, string>();
  for (const election of ALL) {
    const stand = await rig.participant('me', { election }).campaign(first.replica, { session });
    candidateIds.set(election, stand.candidateId ?? '');
  }
  await rig.caughtUp();
  return { session, others, candidateIds };
}

/** Deletes the record as expiry does, but without waiting for it. @returns the revision of the deletion */
async function deleteRecord(on: RigReplica, session: string): Promise<number> {
  const key = recordKey(session);
  const options = { lane: 'resign' as const, tenantId: TENANT, deadlineMs: soon().deadlineMs };
  const outcome = await on.gate.commit(
    { guards: [], writes: [{ kind: 'delete', key }], reads: [{ kind: 'key', key }] },
    options,
  );
  if (outcome.kind !== 'committed') throw new Error('The record was not deleted');
  return outcome.revision;
}

/** Every event of the election, with the revision that told it. */
async function eventsOf(on: RigReplica, election: string) {
  const entries = await stored(on, { kind: 'prefix', prefix: keys.events(electionRef(TENANT, election)) });
  return entries.map(({ value, createRevision }) => ({ ...decode<EventRecord>(value), createRevision }));
}

async function untilNothingOf(candidateIds: ReadonlyMap<string, string>, on: RigReplica): Promise<void> {
  for (const [election, candidateId] of candidateIds) {
    const gone = async () =>
      !(await storedCandidacies(on, target(election))).includes(candidateId) &&
      (await storedLeader(on, target(election)))?.candidateId !== candidateId;
    await waitUntil(gone, { what: `nothing of the session in ${election}`, withinMs: SETTLED_MS });
  }
}

describe('from the revision that deletes the record of a session', () => {
  it('none of its candidacies wins, although a replica that has not seen it hands over to them', async () => {
    const [first, second] = [await rig.replica(), await rig.replica()];
    const { session, others, candidateIds } = await standing(first);
    second.gate.holdWatch();
    const sweeps = first.gate.holdCommits(writing('delete', /\/c\//));
    const deletedAt = await deleteRecord(first, session);
    // The view of the second replica shows the waiter alive: only the guard of the transition knows better.
    for (const other of others) await other.resign(second.replica);
    for (const election of WAITED) {
      expect(await storedLeader(first, target(election))).toBeUndefined();
      const acquired = (await eventsOf(first, election)).filter(({ type }) => type === 'leadership.acquired');
      expect(acquired.map(({ leader }) => leader?.name)).toEqual(['other']);
    }
    second.gate.releaseWatch();
    sweeps.release();
    await untilNothingOf(candidateIds, first);
    for (const election of LED) {
      const [lost, ...more] = (await eventsOf(first, election)).filter(
        ({ createRevision }) => createRevision >= deletedAt,
      );
      expect(lost).toMatchObject({ type: 'leadership.lost', reason: 'expired', election });
      expect(more.map(({ type }) => type)).toEqual(['election.vacant']);
    }
    // Each election by a transition of its own.
    const revisions = await Promise.all(
      LED.map(async (election) => (await eventsOf(first, election)).at(-1)?.createRevision),
    );
    expect(revisions.every((revision) => (revision ?? 0) > deletedAt)).toBe(true);
  });

  it('a renewal that was sent before grants nothing, of the session or of an election', async () => {
    const [first, second] = [await rig.replica(), await rig.replica()];
    const { session } = await standing(first);
    const held = second.gate.holdCommits(writing('put', /^s\//));
    const renewals = [
      second.replica.sessions.renew(request(session), soon()),
      ...ALL.map((election) => second.replica.elections.renew({ ...target(election), session }, soon())),
    ];
    const outcomes = Promise.allSettled(renewals);
    await waitUntil(() => held.caught === renewals.length, { what: 'every renewal to be caught' });
    await deleteRecord(first, session);
    held.release();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'session.expired' } });
  });

  it('a campaign that was sent before stands nowhere', async () => {
    const [first, second] = [await rig.replica(), await rig.replica()];
    await rig.election(first, { election: 'a' });
    const { session } = await first.replica.sessions.open({ tenantId: TENANT, ttlMs: LONG_TTL_MS }, soon());
    await rig.caughtUp();
    const held = second.gate.holdCommits(writing('put', /\/leader$/));
    const campaign = rig.participant('me', { election: 'a' }).campaign(second.replica, { session });
    const refused = expect(campaign).rejects.toMatchObject({ code: 'session.expired' });
    await held.arrived();
    await deleteRecord(first, session);
    held.release();
    await refused;
    expect(await storedCandidacies(first, target('a'))).toEqual([]);
    expect(await storedLeader(first, target('a'))).toBeUndefined();
  });

  it('a renewal that is half answered tells no term, whatever it has read before', async () => {
    const first = await rig.replica();
    const { session } = await first.replica.sessions.open({ tenantId: TENANT, ttlMs: LONG_TTL_MS }, soon());
    const many = Array.from({ length: 45 }, (_, at) => `many-${at}`);
    for (const election of many) await rig.election(first, { election });
    for (const election of many)
      await rig.participant('me', { election }).campaign(first.replica, { session });
    await rig.caughtUp();
    const whole = await first.replica.sessions.renew(request(session), soon());
    expect(whole.terms.map(({ election }) => election).sort()).toEqual([...many].sort());
    const held = first.gate.holdOutcomes(writing('put', /^s\//));
    const renewal = first.replica.sessions.renew(request(session), soon());
    const refused = expect(renewal).rejects.toMatchObject({ code: 'session.expired' });
    await held.arrived();
    await deleteRecord(first, session);
    held.release();
    await refused;
  });
});

describe('the end of a session', () => {
  it('is one commit for each election that hands it over, and leaves nothing behind', async () => {
    const [first, second] = [await rig.replica(), await rig.replica()];
    const { session, candidateIds } = await standing(first);
    const next = rig.participant('next', { election: 'a' });
    await next.campaign(second.replica);
    await second.replica.sessions.end(request(session), soon());
    expect(await stored(first, { kind: 'key', key: recordKey(session) })).toEqual([]);
    expect(await storedLeader(first, target('a'))).toMatchObject({ name: 'next', term: 2 });
    for (const [election, candidateId] of candidateIds)
      expect(await storedCandidacies(first, target(election))).not.toContain(candidateId);
    const lost = (await eventsOf(first, 'a')).filter(({ type }) => type === 'leadership.lost');
    expect(lost.map(({ reason, term }) => [reason, term])).toEqual([['resigned', 1]]);
  });

  it('that stops half-way is completed by the others: what it left is swept when the session has expired', async () => {
    const [first, second] = [await rig.replica(), await rig.replica()];
    const { session, candidateIds } = await standing(first, 3_000);
    // Two elections are left; then the replica hangs, for good.
    let passed = 0;
    const resigns = writing('delete', /\/c\//);
    first.gate.holdCommits((transition) => resigns(transition) && ++passed > 2);
    first.gate.holdCommits(writing('delete', /^s\//));
    void first.replica.sessions.end(request(session), soon()).catch(() => undefined);
    await waitUntil(() => passed > 2, { what: 'two elections to be left' });
    await untilNothingOf(candidateIds, second);
    expect(await stored(second, { kind: 'key', key: recordKey(session) })).toEqual([]);
    for (const election of WAITED)
      expect(await storedLeader(second, target(election))).toMatchObject({ name: 'other' });
  }, 30_000);

  it('ends no session that was made anew under the same key', async () => {
    const [first, second] = [await rig.replica(), await rig.replica()];
    const open = () =>
      first.replica.sessions.open(
        { tenantId: TENANT, ttlMs: LONG_TTL_MS, idempotencyKey: 'process' },
        soon(),
      );
    const { session: old } = await open();
    const held = second.gate.holdCommits(writing('delete', /^s\//));
    const late = second.replica.sessions.end(request(old), soon());
    await held.arrived();
    await first.replica.sessions.end(request(old), soon());
    const { session } = await open();
    held.release();
    await late;
    expect(await first.replica.sessions.renew(request(session), soon())).toMatchObject({ terms: [] });
    await expect(first.replica.sessions.renew(request(old), soon())).rejects.toMatchObject({
      code: 'session.expired',
    });
  });
});

describe('the making of a session', () => {
  it('is one session, whatever becomes of the answers', async () => {
    const [first, second] = [await rig.replica(), await rig.replica()];
    const wanted = { tenantId: TENANT, ttlMs: LONG_TTL_MS, idempotencyKey: 'process' };
    const made = await Promise.all(
      [first, second, first, second].map(({ replica }) => replica.sessions.open(wanted, soon())),
    );
    expect(new Set(made.map(({ session }) => session)).size).toBe(1);
    expect(await stored(first, { kind: 'prefix', prefix: 's/' })).toHaveLength(1);
  });

  it('keeps it alive on renewals alone, and ends it a ttlMs after the last', async () => {
    const [first, second] = [await rig.replica(), await rig.replica()];
    const { session } = await first.replica.sessions.open({ tenantId: TENANT, ttlMs: 1_000 }, soon());
    const untilMs = performance.now() + 3_000;
    await waitUntil(
      async () => {
        await second.replica.sessions.renew(request(session), soon());
        return performance.now() > untilMs;
      },
      { what: 'three ttlMs of renewals', everyMs: 200 },
    );
    const atMs = performance.now();
    const gone = async () => (await stored(first, { kind: 'key', key: recordKey(session) })).length === 0;
    await waitUntil(gone, { what: 'the end of the session', withinMs: 1_000 + BOUND_MS });
    expect(performance.now() - atMs).toBeGreaterThan(700);
  });
});
