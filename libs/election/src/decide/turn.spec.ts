import { describe, expect, it } from '@jest/globals';
import { toTimestamp } from '#core';
import { Contest } from '#testing';

function contestOf(...names: string[]): Contest {
  const contest = new Contest();
  for (const name of names) contest.campaign(name);
  return contest;
}

const inMs = ({ clock }: Contest, ms: number): string => toTimestamp(clock.wallTimeMs() + ms);

describe('a transfer', () => {
  it('leads to the named candidate although others wait longer, in the transition of the acknowledgement', () => {
    const contest = contestOf('a', 'b', 'c');
    contest.handOver('transfer', { to: 'c', graceMs: 5_000 });
    expect(contest.leader()).toMatchObject({ name: 'a', asked: { reason: 'transferred', to: 'c' } });
    const before = contest.data.revision;
    contest.stepDown('a');
    expect(contest.data.revision).toBe(before + 1);
    expect(contest.leader()).toMatchObject({ name: 'c', term: 2 });
    expect(contest.handOverOf()).toMatchObject({
      state: 'done',
      acknowledged: true,
      successor: { name: 'c' },
    });
  });

  it('with fallback next leads to the next in line if its target is gone', () => {
    const contest = contestOf('a', 'b', 'c');
    contest.handOver('transfer', { to: 'c' });
    contest.die('c');
    contest.settle();
    expect(contest.leader()).toMatchObject({ name: 'a', withheld: { reason: 'transferred' } });
    contest.replace();
    expect(contest.leader()).toMatchObject({ name: 'b', term: 2 });
  });

  it('with fallback cancel gives the term back if its target is gone', () => {
    const contest = contestOf('a', 'b', 'c');
    contest.handOver('transfer', { to: 'c', fallback: 'cancel' });
    contest.die('c');
    contest.settle();
    expect(contest.handOverOf()).toMatchObject({ state: 'failed', failure: 'target_gone' });
    expect(contest.leader()).toMatchObject({ name: 'a', term: 1 });
    expect(contest.leader()?.withheld).toBeUndefined();
  });

  it('with fallback cancel gives the term back also to whoever was about to replace the leader', () => {
    const contest = contestOf('a', 'b', 'c');
    contest.handOver('transfer', { to: 'c', fallback: 'cancel' });
    contest.die('c');
    contest.replace();
    expect(contest.handOverOf()).toMatchObject({ state: 'failed', failure: 'target_gone' });
    expect(contest.leader()).toMatchObject({ name: 'a', term: 1 });
  });

  it('with fallback cancel gives the term back if its target is held back meanwhile', () => {
    const contest = contestOf('a', 'b', 'c');
    contest.handOver('transfer', { to: 'c', fallback: 'cancel' });
    contest.run({ kind: 'conduct', name: 'c', lift: false, act: contest.act() });
    contest.replace();
    expect(contest.leader()).toMatchObject({ name: 'a', term: 1 });
    expect(contest.handOverOf()).toMatchObject({ state: 'failed', failure: 'target_gone' });
  });

  it('goes to its target when the leader dies or resigns meanwhile', () => {
    for (const leave of ['die', 'resign'] as const) {
      const contest = contestOf('a', 'b', 'c');
      contest.handOver('transfer', { to: 'c', graceMs: 5_000 });
      contest[leave]('a');
      contest.settle();
      expect(contest.leader()).toMatchObject({ name: 'c', term: 2 });
      expect(contest.handOverOf()).toMatchObject({ state: 'done', successor: { name: 'c' } });
    }
  });

  it('that is cancelled leaves the leader as it was, and what was asked for before stands again', () => {
    const contest = contestOf('a', 'b');
    const asked = contest.handOver('transfer', { to: 'b' });
    const marked = contest.situation().election.seats.get(0)?.leader?.modRevision ?? 0;
    contest.cancel(asked);
    expect(contest.leader()?.withheld).toBeUndefined();
    contest.run({ kind: 'replace', seat: 0, leaderRevision: marked });
    expect(contest.leader()).toMatchObject({ name: 'a', term: 1 });
    expect(contest.handOverOf()).toMatchObject({ state: 'cancelled' });
  });

  it('marked, cancelled and marked again is replaced only by who watched the last mark', () => {
    const contest = contestOf('a', 'b');
    const first = contest.handOver('transfer', { to: 'b' });
    const marked = contest.situation().election.seats.get(0)?.leader?.modRevision ?? 0;
    contest.cancel(first);
    contest.handOver('transfer', { to: 'b' });
    contest.run({ kind: 'replace', seat: 0, leaderRevision: marked });
    expect(contest.leader()).toMatchObject({ name: 'a', withheld: { reason: 'transferred' } });
    contest.replace();
    expect(contest.leader()).toMatchObject({ name: 'b', term: 2 });
  });
});

describe('a scheduled hand-over', () => {
  it('begins when its time has come, and not before', async () => {
    const contest = contestOf('a', 'b');
    contest.handOver('transfer', { to: 'b', dueAt: inMs(contest, 10_000) });
    await contest.clock.advance(9_999);
    contest.settle();
    expect(contest.leader()?.withheld).toBeUndefined();
    await contest.clock.advance(1);
    contest.settle();
    expect(contest.leader()).toMatchObject({ withheld: { reason: 'transferred' } });
  });

  it('fails when the term that it meant has ended before', () => {
    const contest = contestOf('a', 'b');
    contest.handOver('depose', { dueAt: inMs(contest, 10_000) });
    contest.resign('a');
    contest.settle();
    expect(contest.handOverOf()).toMatchObject({ state: 'failed', failure: 'term_changed' });
    expect(contest.leader()).toMatchObject({ name: 'b' });
  });

  it('of a vacancy waits while the election is paused, and appoints when it is open again', async () => {
    const contest = new Contest({ policy: 'manual' });
    for (const name of ['a', 'b']) contest.campaign(name);
    contest.handOver('transfer', { to: 'b', dueAt: inMs(contest, 1_000) });
    const phase = (state: 'open' | 'paused'): void =>
      void contest.run({ kind: 'change', settings: {}, state, changeId: state, act: contest.act() });
    phase('paused');
    await contest.clock.advance(2_000);
    contest.settle();
    expect(contest.handOverOf()).toMatchObject({ state: 'scheduled' });
    phase('open');
    expect(contest.leader()).toMatchObject({ name: 'b', term: 1 });
    expect(contest.handOverOf()).toMatchObject({ state: 'done', successor: { name: 'b' } });
  });

  it('of a vacancy fails if nobody can be appointed', async () => {
    const contest = new Contest({ policy: 'manual' });
    for (const name of ['a', 'b']) contest.campaign(name);
    contest.handOver('transfer', { to: 'b', dueAt: inMs(contest, 1_000) });
    contest.resign('b');
    await contest.clock.advance(1_000);
    contest.settle();
    expect(contest.leader()).toBeUndefined();
    expect(contest.handOverOf()).toMatchObject({ state: 'failed', failure: 'target_gone' });
  });

  it('of a seat that is retired fails with it', () => {
    const contest = new Contest({ seats: 2 });
    for (const name of ['a', 'b', 'c']) contest.campaign(name);
    const id = contest.handOver('step_down', { seat: 1, dueAt: inMs(contest, 60_000) });
    contest.change({ seats: 1 }, { retireSeats: true });
    contest.replace(1);
    contest.settle();
    expect(contest.handOverOf(1)).toMatchObject({ state: 'failed', failure: 'term_changed' });
    expect(() => contest.cancel(id)).toThrow(expect.objectContaining({ code: 'hand_over.over' }));
  });
});
