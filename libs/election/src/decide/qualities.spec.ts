import { describe, expect, it } from '@jest/globals';
import { Contest } from '#testing';
import type { Command } from './commands.js';

function appraise(contest: Contest, name: string, qualities: { priority: number }): Command {
  return { kind: 'appraise', name, qualities, act: contest.act() };
}

describe('what is said of a candidate', () => {
  it('by several commands of one transition is kept of each', () => {
    const contest = new Contest();
    const a = contest.campaign('a', { health: 90 });
    contest.run(
      { kind: 'report', session: a.session, qualities: { health: 20 } },
      appraise(contest, 'a', { priority: 5 }),
    );
    const { candidates } = contest.situation().election;
    expect(candidates.get(contest.candidateIdOf('a'))?.record).toMatchObject({ health: 20, priority: 5 });
  });

  it('is what its own transition elects by', () => {
    const contest = new Contest({ policy: 'health', healthFloor: 50 });
    const a = contest.campaign('a', { health: 10 });
    expect(contest.leader()).toBeUndefined();
    contest.run(contest.campaignOf(a, { health: 80 }));
    expect(contest.leader()).toMatchObject({ name: 'a' });
  });

  it('stays with it when it queues anew in the same transition', () => {
    const contest = new Contest();
    const a = contest.campaign('a');
    contest.campaign('b');
    contest.run({ kind: 'report', session: a.session, qualities: { health: 30 } }, contest.stepDownOf('a'));
    const { candidates } = contest.situation().election;
    expect(candidates.get(contest.candidateIdOf('a'))?.record.health).toBe(30);
    expect(contest.leader()).toMatchObject({ name: 'b', term: 2 });
  });

  it('by an operator of its priority is not undone by a repeated campaign', () => {
    const contest = new Contest({ policy: 'priority' });
    contest.campaign('leader', { priority: 9 });
    const a = contest.campaign('a', { priority: 5 });
    contest.run(appraise(contest, 'a', { priority: 1 }));
    contest.run(contest.campaignOf(a, { priority: 5, health: 70 }));
    const { candidates } = contest.situation().election;
    expect(candidates.get(contest.candidateIdOf('a'))?.record).toMatchObject({ priority: 1, health: 70 });
  });
});
