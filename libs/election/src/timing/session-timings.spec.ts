import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '#testing';
import { encodeSession } from '../records.js';
import { keys } from '../keys.js';
import { View } from '../view.js';
import { SessionTimings } from './session-timings.js';

const TTL_MS = 1_000;
const PAUSE_MS = 333;
const HOUR_MS = 3_600_000;

let clock: FakeClock;
let view: View;
let timings: SessionTimings;

beforeEach(() => {
  clock = new FakeClock();
  view = new View(clock);
  timings = new SessionTimings(view, clock);
});

let revision = 0;

/** `ten_a` for `ses_a_1`. */
function tenantOf(sessionId: string): string {
  return `ten_${sessionId.split('_')[1]}`;
}

function write(sessionId: string, ttlMs = TTL_MS): void {
  const before = view.sessions.get(sessionId);
  revision += 1;
  const value = encodeSession({ tenantId: tenantOf(sessionId), ttlMs, incarnation: 'x' });
  const createRevision = before?.createRevision ?? revision;
  const entry = { key: keys.session(sessionId), value, createRevision, modRevision: revision };
  view.apply([{ kind: 'put', entry }], revision);
}

function end(sessionId: string): void {
  revision += 1;
  view.apply([{ kind: 'delete', key: keys.session(sessionId), modRevision: revision }], revision);
}

/** Renews at a pace, as one whose round trips take this long. */
async function renew(sessionId: string, previousRttMs: number, times = 1, ttlMs = TTL_MS): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await clock.advance(PAUSE_MS);
    const session = { sessionId, tenantId: tenantOf(sessionId), ttlMs, incarnation: 'x' };
    const renewal = timings.arrived(session, clock.monotonicMs(), { previousRttMs });
    write(sessionId, ttlMs);
    timings.answered(renewal, PAUSE_MS);
  }
}

describe('the timings of sessions', () => {
  it('count the sessions whose ttlMs is too short, and forget them when they end', async () => {
    write('ses_1');
    write('ses_2');
    await renew('ses_1', 400, 24);
    await renew('ses_2', 1, 24);
    expect(timings.counts).toEqual({ sessions: 2, tooShort: 1 });
    end('ses_1');
    expect(timings.counts).toEqual({ sessions: 1, tooShort: 0 });
    end('ses_2');
    expect(timings.counts).toEqual({ sessions: 0, tooShort: 0 });
  });

  it('keep nothing of a session that the view does not show: nobody would tell of its end', () => {
    const session = { sessionId: 'ses_9', tenantId: 'ten_1', ttlMs: TTL_MS, incarnation: 'x' };
    const renewal = timings.arrived(session, clock.monotonicMs(), {});
    expect(timings.answered(renewal, PAUSE_MS)).toBeUndefined();
    expect(timings.counts.sessions).toBe(0);
  });

  it('forget what ended unseen when everything was listed anew', async () => {
    write('ses_1');
    await renew('ses_1', 400, 24);
    view.reset([], (revision += 1));
    expect(timings.counts).toEqual({ sessions: 0, tooShort: 0 });
  });

  it('begin anew for a session that was made again under the same id with another ttlMs', async () => {
    write('ses_1');
    await renew('ses_1', 400, 24);
    await renew('ses_1', 400, 1, 60_000);
    expect(timings.counts).toEqual({ sessions: 1, tooShort: 0 });
  });

  it('have a too short ttlMs told once an hour', async () => {
    write('ses_1');
    await renew('ses_1', 400, 24);
    const told = timings.dueToTell('ses_1');
    expect(told).toMatchObject({ sessionId: 'ses_1', ttlMs: TTL_MS });
    expect(told?.recommendedTtlMs).toBeGreaterThan(TTL_MS);
    expect(timings.dueToTell('ses_1')).toBeUndefined();
    await clock.advance(HOUR_MS - 1);
    expect(timings.dueToTell('ses_1')).toBeUndefined();
    await clock.advance(1);
    expect(timings.dueToTell('ses_1')).toBeDefined();
  });

  it('have no ttlMs told that is long enough', async () => {
    write('ses_1');
    await renew('ses_1', 5, 24);
    expect(timings.dueToTell('ses_1')).toBeUndefined();
  });

  it('have 10 sessions of a tenant told in a minute at most, and the others later', async () => {
    const sessionIds = await tooShort('ses_a', 15);
    expect([tell(sessionIds), tell(sessionIds)]).toEqual([10, 0]);
    await clock.advance(60_000);
    expect(tell(sessionIds)).toBe(5);
  });

  it('have no tenant told less because another reports slow renewals of a hundred', async () => {
    const many = await tooShort('ses_a', 100);
    const few = await tooShort('ses_b', 3);
    tell(many);
    expect(tell(few)).toBe(3);
  });

  it('have 60 sessions told in a minute at most', async () => {
    const sessionIds: string[] = [];
    for (let tenant = 0; tenant < 7; tenant += 1) sessionIds.push(...(await tooShort(`ses_${tenant}`, 10)));
    expect([tell(sessionIds), tell(sessionIds)]).toEqual([60, 0]);
    await clock.advance(60_000);
    expect(tell(sessionIds)).toBe(10);
  });
});

/** So many sessions whose ttlMs is too short. */
async function tooShort(name: string, count: number): Promise<string[]> {
  const sessionIds = Array.from({ length: count }, (_, at) => `${name}_${at}`);
  for (const sessionId of sessionIds) {
    write(sessionId);
    await renew(sessionId, 400, 24);
  }
  return sessionIds;
}

function tell(sessionIds: readonly string[]): number {
  return sessionIds.filter((sessionId) => timings.dueToTell(sessionId)).length;
}
