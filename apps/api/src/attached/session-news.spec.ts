import { beforeEach, describe, expect, it } from '@jest/globals';
import { encode, electionRef, type Entry, type EventRecord, keys, type LeaderRecord, View } from '#election';
import { FakeClock } from '#testing';
import type { News } from './frames.schema.js';
import { type Listener, SessionNews } from './session-news.js';

const ref = electionRef('ten_a', 'billing');
const AT = '2026-11-21T12:00:00.000Z';
/** How the term of the tests is told. */
const told = { election: 'billing', candidateId: 'cnd_1', seat: 0, term: 4 };
const answered = { ...told, electionId: ref.electionId };

class Recorder implements Listener {
  readonly news: News[] = [];
  readonly gone: string[] = [];

  tell(news: News): void {
    this.news.push(news);
  }

  sessionGone(sessionId: string): void {
    this.gone.push(sessionId);
  }
}

let view: View;
let news: SessionNews;
let socket: Recorder;
let revision: number;

beforeEach(() => {
  view = new View(new FakeClock());
  news = new SessionNews();
  socket = new Recorder();
  revision = 1;
  view.listen(news);
  view.reset([put(keys.config(ref), { name: 'billing', state: 'open' })], revision);
});

function put(key: string, record: object): Entry {
  revision += 1;
  return { key, value: encode(record), createRevision: revision, modRevision: revision };
}

function leader(over: Partial<LeaderRecord> = {}): LeaderRecord {
  return {
    ...{ name: 'one', candidateId: 'cnd_1', sessionId: 'ses_1', incarnation: 'i' },
    ...{ ttlMs: 300, epoch: 0, term: 4, electedAt: AT },
    ...over,
  };
}

function lead(record: LeaderRecord, ...more: Entry[]): void {
  const entries = [...more, put(keys.leader(ref, 0), record)];
  view.apply(
    entries.map((entry) => ({ kind: 'put', entry })),
    revision,
  );
}

/** The event that a transition writes when it ends the term. */
function lost(term: number, reason: EventRecord['reason']): Entry {
  const event = {
    ...{ id: 'evt_1', type: 'leadership.lost', tenantId: 'ten_a', electionId: ref.electionId },
    ...{ election: 'billing', seat: 0, epoch: 0, sequence: 9, term, fence: term, leader: null },
    ...{ previousLeader: { name: 'one', candidateId: 'cnd_1' }, occurredAt: AT, reason },
  };
  return put(keys.event(ref, 0, 9), event);
}

describe('news of a session', () => {
  it('tell a promotion once, however often the election changes', () => {
    news.follow('ses_1', socket, []);
    lead(leader());
    lead(leader());
    expect(socket.news).toEqual([{ event: 'elected', ...told }]);
  });

  it('tell what happened between an answer and the following', () => {
    lead(leader());
    const election = view.election(ref);
    news.follow('ses_1', socket, election ? [election] : []);
    expect(socket.news).toEqual([{ event: 'elected', ...told }]);
  });

  it('do not tell the term that the answer told, also if the view shows it later, or an older one still', () => {
    lead(leader({ term: 3 }));
    const election = view.election(ref);
    news.follow('ses_1', socket, election ? [election] : [], answered);
    expect(socket.news).toEqual([]);
    lead(leader());
    expect(socket.news).toEqual([]);
  });

  it('tell the end of a term with its reason, and not the own resignation', () => {
    news.follow('ses_1', socket, [], answered);
    lead(leader());
    lead(leader({ candidateId: 'cnd_2', sessionId: 'ses_2', term: 5 }), lost(4, 'deposed'));
    expect(socket.news).toEqual([{ event: 'superseded', ...told, reason: 'deposed' }]);
    lead(leader({ term: 6 }));
    lead(leader({ candidateId: 'cnd_2', sessionId: 'ses_2', term: 7 }), lost(6, 'resigned'));
    expect(socket.news.map(({ event }) => event)).toEqual(['superseded', 'elected']);
  });

  it('tell the end of a term that a gap of the watch has swallowed, without a reason', () => {
    news.follow('ses_1', socket, [], answered);
    lead(leader());
    view.reset([put(keys.config(ref), { name: 'billing', state: 'open' })], revision);
    expect(socket.news).toEqual([{ event: 'superseded', ...told }]);
  });

  it('tell once of being asked to step down, and once more when grants end', () => {
    news.follow('ses_1', socket, [], answered);
    const asked = { reason: 'stepped_down', at: AT, graceMs: 5_000 } as const;
    lead(leader({ asked }));
    lead(leader({ asked }));
    lead(leader({ asked, withheld: { reason: 'stepped_down', at: AT } }));
    expect(socket.news).toEqual([
      { event: 'yield_requested', ...told, reason: 'stepped_down', graceMs: 5_000 },
      { event: 'yield_requested', ...told, reason: 'stepped_down' },
    ]);
  });

  it('go to whoever followed last; the socket before has room again, and does not take them along when it closes', () => {
    const other = new Recorder();
    news.follow('ses_1', socket, []);
    news.follow('ses_1', socket, []);
    expect(socket.gone).toEqual([]);
    news.follow('ses_1', other, []);
    expect(socket.gone).toEqual(['ses_1']);
    news.unfollow('ses_1', socket);
    lead(leader());
    expect([socket.news.length, other.news.length]).toEqual([0, 1]);
    news.unfollow('ses_1', other);
    lead(leader({ term: 5 }));
    expect(other.news).toHaveLength(1);
  });

  it('tell how the terms of a session end that is gone, and nothing after', () => {
    news.follow('ses_1', socket, [], answered);
    lead(leader());
    view.apply([{ kind: 'delete', key: keys.session('ses_1'), modRevision: revision }], revision);
    expect(socket.gone).toEqual(['ses_1']);
    lead(leader({ candidateId: 'cnd_2', sessionId: 'ses_2', term: 5 }), lost(4, 'expired'));
    lead(leader({ term: 6 }));
    expect(socket.news).toEqual([{ event: 'superseded', ...told, reason: 'expired' }]);
  });
});
