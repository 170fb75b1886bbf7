import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '#testing';
import { electionRef, keys } from './keys.js';
import { encode, encodeSession } from './records.js';
import type { Entry } from './store.js';
import { View } from './view.js';

const ref = electionRef('ten_a', 'billing');
const session = { tenantId: 'ten_a', ttlMs: 1_000, incarnation: 'i2' };

function entry(key: string, value: string, revision: number): Entry {
  return { key, value, createRevision: revision, modRevision: revision };
}

function candidacy(candidateId: string, incarnation: string, revision: number): Entry {
  const record = {
    name: candidateId,
    sessionId: 'ses_1',
    incarnation,
    ttlMs: 1_000,
    order: 0,
    joinedAt: '2026-01-01T00:00:00.000Z',
  };
  return entry(keys.candidate(ref, candidateId), encode(record), revision);
}

describe('the view', () => {
  it('knows a session by its latest stand, in whatever order a listing tells the stands', () => {
    const live = entry(keys.session('ses_1'), encodeSession(session), 9);
    const [dead, alive] = [candidacy('cnd_z', 'i1', 3), candidacy('cnd_a', 'i2', 9)];
    for (const listing of [
      [dead, alive, live],
      [live, alive, dead],
    ]) {
      const view = new View(new FakeClock());
      view.reset(listing, 10);
      expect(view.standing('ses_1').get(ref.electionId)).toBe('cnd_a');
    }
  });

  it('counts a session of less than a second as often as it fits into one, until it is gone', () => {
    const view = new View(new FakeClock());
    const put = (id: string, ttlMs: number, revision: number) => ({
      kind: 'put' as const,
      entry: entry(keys.session(id), encodeSession({ ...session, ttlMs }), revision),
    });
    view.reset([], 1);
    view.apply([put('ses_1', 300, 2), put('ses_2', 60_000, 3)], 3);
    expect([view.sessionCounts.get('ten_a'), view.sessionPace.get('ten_a')]).toEqual([2, 5]);
    view.apply([put('ses_1', 200, 4)], 4);
    expect([view.sessionCounts.get('ten_a'), view.sessionPace.get('ten_a')]).toEqual([2, 6]);
    const gone = ['ses_1', 'ses_2'].map((id) => ({
      kind: 'delete' as const,
      key: keys.session(id),
      modRevision: 5,
    }));
    view.apply(gone, 5);
    expect([view.sessionCounts.size, view.sessionPace.size]).toEqual([0, 0]);
  });

  it('resolves a wait for a revision as soon as it has been told, and not after', async () => {
    const clock = new FakeClock();
    const view = new View(clock);
    view.reset([], 5);
    await expect(view.reaches(5, 100)).resolves.toBe(true);
    const later = view.reaches(7, 100);
    view.apply([], 7);
    await expect(later).resolves.toBe(true);
    const never = view.reaches(8, 100);
    await clock.advance(100);
    await expect(never).resolves.toBe(false);
  });
});
