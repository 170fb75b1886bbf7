import { describe, expect, it } from '@jest/globals';
import { Contest } from '#testing';
import type { ElectionSettings } from '../records.js';

const POLICIES: [string, Partial<ElectionSettings>][] = [
  ['fifo', { policy: 'fifo' }],
  ['priority', { policy: 'priority' }],
  ['rotation', { policy: 'rotation', maxTermMs: 60_000 }],
  ['sticky', { policy: 'sticky' }],
  ['health', { policy: 'health', healthFloor: 10 }],
];

describe('a leader that steps down', () => {
  it.each(POLICIES)('is succeeded by another that waits, whatever the policy: %s', (_name, settings) => {
    const contest = new Contest(settings);
    contest.campaign('a', { priority: 9, health: 100 });
    contest.campaign('b', { priority: 1, health: 50 });
    contest.stepDown('a');
    expect(contest.leader()).toMatchObject({ name: 'b', term: 2 });
    expect(contest.candidateIdOf('a')).not.toBe('');
  });

  it('is succeeded by another although it is pinned', () => {
    const contest = new Contest();
    contest.campaign('a');
    contest.campaign('b');
    contest.change({}, { pinned: 'a' });
    contest.stepDown('a');
    expect(contest.leader()).toMatchObject({ name: 'b', term: 2 });
  });

  it('leads again, in a new term and with a new candidateId, if nobody else may', () => {
    const contest = new Contest();
    contest.campaign('a');
    const before = contest.candidateIdOf('a');
    contest.stepDown('a');
    expect(contest.leader()).toMatchObject({ name: 'a', term: 2 });
    expect(contest.leader()?.candidateId).not.toBe(before);
  });

  it('stands behind everybody else', () => {
    const contest = new Contest();
    for (const name of ['a', 'b', 'c']) contest.campaign(name);
    contest.stepDown('a');
    const queue = [...contest.situation().election.candidates.values()].map(({ record }) => record.name);
    expect(queue).toEqual(['b', 'c', 'a']);
  });

  it('changes nothing by a late duplicate, which names a candidateId that is no more', () => {
    const contest = new Contest();
    contest.campaign('a');
    const late = contest.stepDownOf('a');
    contest.campaign('b');
    contest.run(late);
    contest.stepDown('b');
    expect(contest.leader()).toMatchObject({ name: 'a', term: 3 });
    contest.run(late);
    expect(contest.leader()).toMatchObject({ name: 'a', term: 3 });
  });
});
