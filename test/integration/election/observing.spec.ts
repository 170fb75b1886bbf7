import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  decode,
  type ElectionRef,
  electionRef,
  type EventRecord,
  keys,
  type Observation,
  type Place,
  type Standing,
} from '#election';
import { type Participant, waitUntil } from '#testing';
import {
  storeRevision,
  Rig,
  type RigReplica,
  sessionKey,
  sessionRevision,
  soon,
  stored,
  storedLeader,
  target,
  writing,
} from './rig.js';

/** A stream that has missed more events is told the present state in place of them. */
const MOST_MISSED = 1_000;
/** For the making of that many, and a few more, on a slow disk. */
const EVENTS_MS = 60_000;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => rig.clear());
afterAll(async () => rig.close());

/** What one event stream was told. */
class Told {
  readonly all: Observation[] = [];
  stop: () => void = () => undefined;

  static async at(on: RigReplica, place?: string): Promise<Told> {
    const told = new Told();
    const observer = { observe: (observation: Observation): void => void told.all.push(observation) };
    told.stop = await on.replica.elections.observe(target, place, observer, soon());
    return told;
  }

  get kinds(): string[] {
    return this.all.map(({ kind }) => kind);
  }

  get events(): { sequence: number; type: string }[] {
    return this.all.flatMap((seen) =>
      seen.kind === 'event' ? [{ sequence: seen.event.sequence, type: seen.event.type }] : [],
    );
  }

  get sequences(): number[] {
    return this.events.map(({ sequence }) => sequence);
  }

  get place(): string {
    const last = this.all.findLast((seen) => 'place' in seen);
    return last && 'place' in last ? last.place : '';
  }

  async until(sequence: number): Promise<void> {
    await waitUntil(() => this.sequences.at(-1) === sequence, { what: `event ${sequence}`, everyMs: 2 });
  }
}

/** A term of its own from start to end: acquired, lost, vacant. */
async function oneTerm(on: RigReplica, name = 'a'): Promise<void> {
  const participant = rig.participant(name);
  await participant.campaign(on.replica);
  await participant.resign(on.replica);
}

const upTo = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('an event stream', () => {
  it('is told the same events in the same dense order at every replica, after its snapshot', async () => {
    const [first, second] = await rig.pair();
    await oneTerm(first);
    const streams = [await Told.at(first), await Told.at(second)];
    await oneTerm(first);
    await oneTerm(second);
    for (const told of streams) {
      await told.until(9);
      expect(told.all[0]).toMatchObject({
        kind: 'snapshot',
        leadership: { leader: null, term: 1, sequence: 3 },
      });
      expect(told.sequences).toEqual(upTo(4, 9));
      expect(told.events.slice(0, 3).map(({ type }) => type)).toEqual([
        'leadership.acquired',
        'leadership.lost',
        'election.vacant',
      ]);
    }
  });

  it('goes on from its place at another replica, with what it missed and without repeating anything', async () => {
    const [first, second] = await rig.pair();
    const told = await Told.at(first);
    await oneTerm(first);
    await told.until(3);
    told.stop();
    await oneTerm(first);
    const resumed = await Told.at(second, told.place);
    await oneTerm(second);
    await resumed.until(9);
    expect(told.sequences).toEqual(upTo(1, 3));
    expect(resumed.kinds.every((kind) => kind === 'event')).toBe(true);
    expect(resumed.sequences).toEqual(upTo(4, 9));
  });

  it('started at a replica whose watch lags begins with the present state and repeats no older event', async () => {
    const [first, second] = await rig.pair();
    second.gate.holdWatch();
    await oneTerm(first);
    const told = await Told.at(second);
    second.gate.releaseWatch();
    await oneTerm(first);
    await told.until(6);
    expect(told.all[0]).toMatchObject({ kind: 'snapshot', leadership: { sequence: 3 } });
    expect(told.sequences).toEqual(upTo(4, 6));
  });

  it(
    'is told gap and a new snapshot when it has missed more than a thousand events, and not before',
    async () => {
      const [first, second] = await rig.pair();
      const told = await Told.at(first);
      const crowd = Array.from({ length: 20 }, (_, index) => rig.participant(`a-${index}`));
      while (told.sequences.length <= MOST_MISSED) {
        await Promise.all(crowd.map((participant) => participant.campaign(first.replica)));
        await Promise.all(crowd.map((participant) => participant.resign(first.replica)));
      }
      const last = (await first.replica.elections.leader(target, soon())).sequence;
      await told.until(last);
      const placeOf = (sequence: number): string => `0.${sequence}`;
      const within = await Told.at(second, placeOf(last - MOST_MISSED));
      const beyond = await Told.at(second, placeOf(last - MOST_MISSED - 1));
      expect(within.sequences).toEqual(upTo(last - MOST_MISSED + 1, last));
      expect(beyond.kinds).toEqual(['gap', 'snapshot']);
      expect(beyond.all[1]).toMatchObject({ leadership: { sequence: last } });
    },
    EVENTS_MS,
  );

  it('goes on from memory and from the record after the relay has emptied the outbox, and is told gap without either', async () => {
    const [first, second] = await rig.pair();
    const told = await Told.at(first);
    await oneTerm(first);
    await told.until(3);
    told.stop();
    await oneTerm(first);
    await oneTerm(first);
    await rig.caughtUp();
    const recorded = await emptyOutbox(first);
    const resumed = await Told.at(second, told.place);
    expect(resumed.sequences).toEqual(upTo(4, 9));
    const fresh = await rig.replica();
    expect((await Told.at(fresh, told.place)).kinds).toEqual(['gap', 'snapshot']);
    const asked: string[] = [];
    const past = {
      after: async (_ref: ElectionRef, { sequence }: Place) => {
        asked.push(`${sequence}`);
        return recorded.filter((event) => event.sequence > sequence);
      },
      ofTenant: () => Promise.reject(new Error('not asked')),
    };
    const informed = await rig.replica(0, { past });
    await oneTerm(first);
    const late = await Told.at(informed, told.place);
    expect(late.sequences).toEqual(upTo(4, 12));
    expect(asked).toEqual(['3']);
  });

  it('ends when its replica lost its place in the store, and goes on from there with nothing missing', async () => {
    const [first, second] = await rig.pair();
    const told = await Told.at(second);
    await oneTerm(first);
    await told.until(3);
    second.proxy.cut();
    await oneTerm(first);
    await compact(rig.etcd.urls[0] ?? '', await storeRevision(first));
    second.proxy.pass();
    await waitUntil(() => told.kinds.includes('closed'), { what: 'the stream to end' });
    const resumed = await Told.at(second, told.place);
    await oneTerm(first);
    await resumed.until(9);
    expect(told.kinds.at(-1)).toBe('closed');
    expect(told.sequences.concat(resumed.sequences)).toEqual(upTo(1, 9));
  });
});

describe('a held answer', () => {
  it('to "who leads" wakes at another replica for a vacancy and for a new leader', async () => {
    const [first, second] = await rig.pair();
    const a = rig.participant('a');
    await a.campaign(first.replica);
    const { leader, sequence } = await second.replica.elections.leader(target, soon());
    expect(leader).toMatchObject({ name: 'a' });
    const wait = { waitMs: 5_000, afterSequence: sequence };
    const vacancy = second.replica.elections.leader(target, soon(), wait);
    await a.resign(first.replica);
    const vacant = await vacancy;
    expect(vacant).toMatchObject({ leader: null, term: 1 });
    const taken = second.replica.elections.leader(target, soon(), {
      waitMs: 5_000,
      afterSequence: vacant.sequence,
    });
    await rig.participant('b').campaign(first.replica);
    expect(await taken).toMatchObject({ leader: { name: 'b' }, term: 2 });
  });

  it('to a renewal grants a promotion made at another replica from a fresh read, counted from its own send', async () => {
    const [first, second] = await rig.pair({ ttlMs: 4_000 });
    const [a, b] = [rig.participant('a'), rig.participant('b')];
    await a.campaign(first.replica);
    await b.campaign(second.replica);
    await rig.caughtUp();
    const held = b.renew(second.replica, 2_000);
    await a.resign(first.replica);
    expect(await held).toMatchObject({ state: 'leader', grant: { term: 2, validForMs: 3_920 } });
  });

  it('to a renewal grants nothing when the promotion is over again by the time it is read', async () => {
    const [first, second] = await rig.pair({ ttlMs: 4_000 });
    const [a, b] = [rig.participant('a'), rig.participant('b')];
    await a.campaign(first.replica);
    await b.campaign(first.replica);
    await rig.caughtUp();
    const held = await renewalHeldAt(second, b);
    second.gate.holdWatch();
    await a.resign(first.replica);
    await b.resign(first.replica);
    second.gate.releaseWatch();
    const outcome = await held.answer.then(
      ({ state }) => state,
      (error: unknown) => (error as { code: string }).code,
    );
    expect(['out', 'session.expired']).toContain(outcome);
    expect(await storedLeader(second)).toBeUndefined();
  });

  it('to a renewal grants nothing once the session was ended, though the record of its promotion is still there', async () => {
    const [first, second] = await rig.pair();
    const [a, b] = [rig.participant('a'), rig.participant('b')];
    await a.campaign(first.replica);
    await b.campaign(first.replica);
    await rig.caughtUp();
    const held = await renewalHeldAt(second, b);
    second.gate.holdWatch();
    const settlements = [first, second].map(({ gate }) =>
      gate.holdCommits(writing('delete', /\/0\/leader$/)),
    );
    // The resignation puts its successor; only what ends the successor's term deletes the record.
    await a.resign(first.replica);
    const writes = [{ kind: 'delete' as const, key: sessionKey(b) }];
    await first.gate.commit(
      { guards: [], writes, reads: [] },
      { lane: 'resign', tenantId: 'test', ...soon() },
    );
    second.gate.releaseWatch();
    await expect(held.answer).rejects.toMatchObject({ code: 'session.expired' });
    expect(await storedLeader(first)).toMatchObject({ name: 'b', term: 2 });
    for (const settlement of settlements) settlement.release();
  });
});

/** Takes every event out of the outbox, as the relay does once it has recorded them. */
async function emptyOutbox(on: RigReplica): Promise<EventRecord[]> {
  const { tenantId, election } = target;
  const entries = await stored(on, { kind: 'prefix', prefix: keys.events(electionRef(tenantId, election)) });
  const writes = entries.map(({ key }) => ({ kind: 'delete' as const, key }));
  await on.gate.commit({ guards: [], writes, reads: [] }, { lane: 'admin', tenantId: 'test', ...soon() });
  return entries.map(({ value }) => decode<EventRecord>(value));
}

/** Sends a renewal that waits, and returns once it was committed; its answer is still out. */
async function renewalHeldAt(
  on: RigReplica,
  participant: Participant,
): Promise<{ answer: Promise<Standing> }> {
  const before = await sessionRevision(on, participant);
  const answer = participant.renew(on.replica, 2_000);
  const { revision } = on.replica.view;
  await waitUntil(async () => (await sessionRevision(on, participant)) !== before, {
    what: 'the renewal to commit',
    everyMs: 1,
  });
  await waitUntil(() => on.replica.view.revision > revision, { what: 'the renewal to be seen', everyMs: 1 });
  return { answer };
}

async function compact(etcdUrl: string, revision: number): Promise<void> {
  const body = JSON.stringify({ revision: String(revision), physical: true });
  const response = await fetch(`${etcdUrl}/v3/kv/compaction`, { method: 'POST', body });
  if (!response.ok) throw new Error(`etcd does not compact: ${await response.text()}`);
}
