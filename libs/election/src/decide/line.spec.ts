import { describe, expect, it } from '@jest/globals';
import { toTimestamp } from '#core';
import { Contest } from '#testing';
import type { Command } from './commands.js';
import { Draft } from './draft.js';
import { needsSettling } from './settle.js';

const leaders = (contest: Contest, seats = 3): (string | undefined)[] =>
  Array.from({ length: seats }, (_, seat) => contest.leader(seat)?.name);

const marked = (contest: Contest, seats = 3): number[] =>
  Array.from({ length: seats }, (_, seat) => seat).filter((seat) => contest.leader(seat)?.withheld);

/** When a replica looks at the election again although nothing happens. */
function wakesInMs(contest: Contest): number | undefined {
  const draft = new Draft(contest.situation(), '');
  expect(needsSettling(draft, false)).toBe(false);
  return draft.wakeInMs;
}

describe('policy priority', () => {
  const settings = { policy: 'priority', preemption: true } as const;

  it('preempts a leader when its priority has expired, and wakes at that moment', async () => {
    const contest = new Contest(settings);
    const priorityExpiresAt = toTimestamp(contest.clock.wallTimeMs() + 5_000);
    contest.campaign('a', { priority: 9, priorityExpiresAt });
    contest.campaign('b', { priority: 1 });
    contest.settle();
    expect(marked(contest)).toEqual([]);
    expect(wakesInMs(contest)).toBe(5_000);
    await contest.clock.advance(5_000);
    contest.settle();
    expect(contest.leader()).toMatchObject({ name: 'a', withheld: { reason: 'preempted' } });
    contest.replace();
    expect(leaders(contest, 1)).toEqual(['b']);
  });

  it('does not take a rival whose priority has expired for one', async () => {
    const contest = new Contest({ ...settings, minTermMs: 10_000 });
    const priorityExpiresAt = toTimestamp(contest.clock.wallTimeMs() + 5_000);
    contest.campaign('a', { priority: 1 });
    contest.campaign('b', { priority: 9, priorityExpiresAt });
    await contest.clock.advance(10_000);
    expect(contest.settle().draft.changesNothing).toBe(true);
  });

  it('gives the term back when the rival leaves before the leader was replaced', () => {
    const contest = new Contest(settings);
    contest.campaign('a', { priority: 1 });
    contest.campaign('b', { priority: 9 });
    contest.settle();
    expect(marked(contest)).toEqual([0]);
    contest.resign('b');
    contest.settle();
    expect(marked(contest)).toEqual([]);
    expect(contest.leader()).toMatchObject({ name: 'a', term: 1 });
  });

  it('of several seats has the weakest leader go, and no more than there are rivals', () => {
    const contest = new Contest({ ...settings, seats: 3 });
    for (const [name, priority] of [
      ['a', 5],
      ['b', 2],
      ['c', 4],
    ] as const)
      contest.campaign(name, { priority });
    contest.campaign('d', { priority: 9 });
    contest.settle();
    expect(marked(contest)).toEqual([1]);
    contest.replace(1);
    expect(leaders(contest)).toEqual(['a', 'd', 'c']);
    expect(contest.settle().draft.changesNothing).toBe(true);
  });

  it('changes its mind when another leader becomes the weakest', () => {
    const contest = new Contest({ ...settings, seats: 2 });
    contest.campaign('a', { priority: 3 });
    contest.campaign('b', { priority: 5 });
    contest.campaign('c', { priority: 9 });
    contest.settle();
    expect(marked(contest)).toEqual([0]);
    contest.run({ kind: 'appraise', name: 'b', qualities: { priority: 1 }, act: contest.act() });
    contest.settle();
    expect(marked(contest)).toEqual([1]);
  });

  it('leaves whom somebody chose to those who stand already, not to who comes later or is ranked anew', () => {
    const contest = new Contest(settings);
    contest.campaign('high', { priority: 9 });
    contest.campaign('low', { priority: 1 });
    contest.handOver('transfer', { mode: 'immediate', to: 'low' });
    expect(contest.settle().draft.changesNothing).toBe(true);
    expect(contest.leader()).toMatchObject({ name: 'low', term: 2 });
    contest.stepDown('low');
    expect(contest.leader()).toMatchObject({ name: 'high', term: 3 });
    contest.stepDown('high');
    expect(contest.settle().draft.changesNothing).toBe(true);
    expect(contest.leader()).toMatchObject({ name: 'low', term: 4 });
    contest.campaign('higher', { priority: 10 });
    contest.settle();
    expect(contest.leader()).toMatchObject({ name: 'low', withheld: { reason: 'preempted' } });
    contest.resign('higher');
    contest.settle();
    contest.run({ kind: 'appraise', name: 'high', qualities: { priority: 8 }, act: contest.act() });
    contest.settle();
    expect(contest.leader()).toMatchObject({ name: 'low', withheld: { reason: 'preempted' } });
  });

  it('leaves a pinned leader in its seat', () => {
    const contest = new Contest(settings);
    contest.campaign('a', { priority: 1 });
    contest.change({}, { pinned: 'a' });
    contest.campaign('b', { priority: 9 });
    expect(contest.settle().draft.changesNothing).toBe(true);
    contest.change({}, { pinned: null });
    contest.settle();
    expect(marked(contest)).toEqual([0]);
  });
});

describe('policy rotation', () => {
  it('of two seats with one waiter ends one term at a time, and everybody has its turn', async () => {
    const contest = new Contest({ policy: 'rotation', maxTermMs: 1_000, seats: 2 });
    for (const name of ['a', 'b', 'c']) contest.campaign(name);
    const led = new Map<string, number>();
    for (let rounds = 0; rounds < 12; rounds += 1) {
      await contest.clock.advance(1_000);
      contest.settle();
      expect(marked(contest, 2).length).toBeLessThanOrEqual(1);
      for (const seat of marked(contest, 2)) {
        contest.replace(seat);
        const name = contest.leader(seat)?.name ?? '';
        led.set(name, (led.get(name) ?? 0) + 1);
      }
    }
    expect([...led.keys()].sort()).toEqual(['a', 'b', 'c']);
  });
});

describe('a takeover delay', () => {
  it('keeps the seat for the name that crashed, which has it back at once', async () => {
    const contest = new Contest({ takeoverDelayMs: 5_000 });
    contest.campaign('a');
    contest.campaign('b');
    contest.die('a');
    contest.settle();
    expect(contest.leader()).toBeUndefined();
    expect(wakesInMs(contest)).toBe(5_000);
    await contest.clock.advance(3_000);
    contest.campaign('a');
    expect(contest.leader()).toMatchObject({ name: 'a', term: 2 });
  });

  it('ends, and then whoever is next has the seat', async () => {
    const contest = new Contest({ takeoverDelayMs: 5_000 });
    contest.campaign('a');
    contest.campaign('b');
    contest.die('a');
    contest.settle();
    await contest.clock.advance(4_999);
    contest.campaign('c');
    expect(contest.leader()).toBeUndefined();
    await contest.clock.advance(1);
    contest.settle();
    expect(contest.leader()).toMatchObject({ name: 'b', term: 2 });
  });

  it('does not apply after a resignation, nor to an operator who appoints', () => {
    const contest = new Contest({ takeoverDelayMs: 5_000 });
    for (const name of ['a', 'b', 'c']) contest.campaign(name);
    contest.resign('a');
    expect(contest.leader()).toMatchObject({ name: 'b' });
    contest.die('b');
    contest.settle();
    expect(contest.leader()).toBeUndefined();
    contest.handOver('transfer', { to: 'c' });
    expect(contest.leader()).toMatchObject({ name: 'c', term: 3 });
  });
});

describe('seats', () => {
  it('are raised live and filled at once, and no candidate has two', () => {
    const contest = new Contest();
    for (const name of ['a', 'b', 'c', 'd']) contest.campaign(name);
    contest.change({ seats: 3 });
    expect(leaders(contest)).toEqual(['a', 'b', 'c']);
  });

  it('are lowered only if nobody leads above, or if their leaders are to step down', () => {
    const contest = new Contest({ seats: 3 });
    for (const name of ['a', 'b', 'c', 'd']) contest.campaign(name);
    expect(() => contest.change({ seats: 1 })).toThrow(
      expect.objectContaining({ code: 'election.seats_in_use' }),
    );
    contest.change({ seats: 1 }, { retireSeats: true });
    expect(marked(contest)).toEqual([1, 2]);
    contest.stepDown('b');
    contest.replace(2);
    expect(leaders(contest)).toEqual(['a', undefined, undefined]);
    expect(contest.events().filter(({ reason }) => reason === 'seat_retired')).not.toEqual([]);
    const queue = [...contest.situation().election.candidates.values()].map(({ record }) => record.name);
    expect(queue).toEqual(['a', 'd', 'b', 'c']);
  });

  it('are raised and lowered in one transition without losing sight of whom they elected', () => {
    const contest = new Contest();
    for (const name of ['a', 'b']) contest.campaign(name);
    const change = (seats: number): Command => {
      const settings = { seats };
      return { kind: 'change', settings, retireSeats: true, changeId: `to-${seats}`, act: contest.act() };
    };
    contest.run(change(2), change(1));
    expect(leaders(contest, 2)).toEqual(['a', 'b']);
    expect(marked(contest, 2)).toEqual([1]);
  });

  it('raised again before their leaders are gone give them their terms back', () => {
    const contest = new Contest({ seats: 2, graceMs: 5_000 });
    for (const name of ['a', 'b']) contest.campaign(name);
    contest.change({ seats: 1 }, { retireSeats: true });
    expect(contest.leader(1)).toMatchObject({ asked: { reason: 'seat_retired' } });
    contest.change({ seats: 2 });
    expect(contest.leader(1)?.asked).toBeUndefined();
    expect(leaders(contest, 2)).toEqual(['a', 'b']);
  });

  it('all grant no more when the election is deleted, and it closes when the last is over', () => {
    const contest = new Contest({ seats: 3 });
    for (const name of ['a', 'b', 'c', 'd']) contest.campaign(name);
    contest.run({ kind: 'remove', changeId: 'remove', act: contest.act() });
    expect(marked(contest)).toEqual([0, 1, 2]);
    contest.replace(0);
    contest.resign('b');
    expect(contest.situation().election.config?.record.state).toBe('closing');
    contest.replace(2);
    expect(contest.situation().election.config?.record.state).toBe('closed');
    expect(contest.situation().election.candidates.size).toBe(0);
  });
});

describe('a leader that is asked to step down', () => {
  it('is withheld at once when the election is paused, and stays so for the hand-over when it is opened', () => {
    const contest = new Contest();
    for (const name of ['a', 'b']) contest.campaign(name);
    contest.handOver('transfer', { to: 'b', graceMs: 5_000 });
    const phase = (state: 'open' | 'paused'): void =>
      void contest.run({ kind: 'change', settings: {}, state, changeId: state, act: contest.act() });
    phase('paused');
    expect(contest.leader()).toMatchObject({ withheld: { reason: 'paused' } });
    phase('open');
    // Its grants were refused meanwhile; the mark stands for the hand-over, and a new wait begins with it.
    expect(contest.leader()).toMatchObject({ withheld: { reason: 'transferred', to: 'b' } });
    contest.replace();
    expect(contest.leader()).toMatchObject({ name: 'b', term: 2 });
  });

  it('is withheld when its grace is over, and looked at in time', async () => {
    const contest = new Contest();
    for (const name of ['a', 'b']) contest.campaign(name);
    contest.handOver('step_down', { graceMs: 5_000 });
    expect(wakesInMs(contest)).toBe(5_000);
    await contest.clock.advance(5_000);
    contest.settle();
    expect(contest.leader()).toMatchObject({ withheld: { reason: 'stepped_down' } });
    expect(contest.handOverOf()).toMatchObject({ state: 'withheld' });
  });
});
