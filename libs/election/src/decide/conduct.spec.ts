import { describe, expect, it } from '@jest/globals';
import { Contest } from '#testing';

const settings = { shortTermMs: 10_000, backoffMs: 1_000, quarantineAfter: 3 };

function crash(contest: Contest, name: string): void {
  contest.die(name);
  contest.settle();
}

const heldBack = (contest: Contest, name: string) => contest.situation().election.conducts.get(name)?.record;

describe('a candidate that loses its terms soon', () => {
  it('is held back for a time that doubles, also while it is the only candidate', async () => {
    const contest = new Contest(settings);
    for (const forMs of [1_000, 2_000]) {
      contest.campaign('a');
      expect(contest.leader()).toMatchObject({ name: 'a' });
      crash(contest, 'a');
      contest.campaign('a');
      expect(contest.leader()).toBeUndefined();
      await contest.clock.advance(forMs - 1);
      contest.settle();
      expect(contest.leader()).toBeUndefined();
      await contest.clock.advance(1);
      contest.settle();
    }
    expect(contest.leader()).toMatchObject({ name: 'a', term: 3 });
  });

  it('is quarantined after as many short terms as the settings say, until that is lifted', async () => {
    const contest = new Contest(settings);
    for (let terms = 0; terms < 3; terms += 1) {
      contest.campaign('a');
      await contest.clock.advance(4_000);
      contest.settle();
      crash(contest, 'a');
    }
    contest.campaign('a');
    await contest.clock.advance(100_000);
    contest.settle();
    expect(contest.leader()).toBeUndefined();
    expect(heldBack(contest, 'a')).toMatchObject({ heldBack: 'until_lifted', shortTerms: 3 });
    contest.run({ kind: 'conduct', name: 'a', lift: true, act: contest.act() });
    contest.settle();
    expect(contest.leader()).toMatchObject({ name: 'a', term: 4 });
  });

  it('starts anew after a long term', async () => {
    const contest = new Contest(settings);
    contest.campaign('a');
    crash(contest, 'a');
    contest.campaign('a');
    await contest.clock.advance(1_000);
    contest.settle();
    await contest.clock.advance(10_000);
    crash(contest, 'a');
    expect(heldBack(contest, 'a')).toBeUndefined();
  });

  it('is not counted when it resigns, unless it says that it failed', () => {
    const contest = new Contest(settings);
    contest.campaign('a');
    contest.resign('a');
    expect(heldBack(contest, 'a')).toBeUndefined();
    contest.campaign('a');
    contest.resign('a', true);
    expect(heldBack(contest, 'a')).toMatchObject({ shortTerms: 1, heldBack: { forMs: 1_000 } });
  });

  it('tells that the election is unstable from the second short term on', async () => {
    const contest = new Contest(settings);
    for (let terms = 0; terms < 2; terms += 1) {
      contest.campaign('a');
      await contest.clock.advance(1_000);
      contest.settle();
      crash(contest, 'a');
    }
    const unstable = contest.events().filter(({ type }) => type === 'election.unstable');
    expect(unstable).toMatchObject([{ reason: 'flapping', previousLeader: { name: 'a' } }]);
  });
});

describe('a candidate that an operator holds back', () => {
  it('stays so when it crashes in a short term before it was replaced', () => {
    const contest = new Contest({ ...settings, graceMs: 5_000 });
    contest.campaign('a');
    contest.run({ kind: 'conduct', name: 'a', lift: false, act: contest.act() });
    contest.settle();
    expect(contest.leader()).toMatchObject({ name: 'a', asked: { reason: 'quarantined' } });
    crash(contest, 'a');
    expect(heldBack(contest, 'a')).toMatchObject({ heldBack: 'until_lifted', by: { id: 'test' } });
    contest.campaign('a');
    expect(contest.leader()).toBeUndefined();
  });
});
