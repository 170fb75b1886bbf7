import { describe, expect, it } from '@jest/globals';
import { DueSessions } from './due-sessions.js';
import type { SeenSession } from './view.js';

function session(tenantId: string, name: number): SeenSession {
  const record = { tenantId, ttlMs: 1_000, incarnation: 'i' };
  return { sessionId: `${tenantId}-${name}`, record, createRevision: 1, modRevision: 1, seenAtMs: 0 };
}

describe('sessions that are due', () => {
  it('come in turns of their tenants', () => {
    const due = new DueSessions();
    for (let name = 0; name < 1_000; name += 1) due.add(session('loud', name));
    due.add(session('quiet', 0));
    const first = [due.next(), due.next(), due.next()].map((each) => each?.record.tenantId);
    expect(first).toEqual(['loud', 'quiet', 'loud']);
  });

  it('wait while 16 of their tenant are being ended, and those of others do not', async () => {
    const due = new DueSessions();
    const ends: (() => void)[] = [];
    for (let name = 0; name < 40; name += 1) due.add(session('loud', name));
    for (let name = 0; name < 16; name += 1)
      due.ending(due.next()?.record.tenantId ?? '', new Promise<void>((resolve) => ends.push(resolve)));
    expect(due.next()).toBeUndefined();
    expect(due.isEmpty).toBe(false);
    due.add(session('quiet', 0));
    expect(due.next()?.sessionId).toBe('quiet-0');
    ends[0]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(due.next()?.record.tenantId).toBe('loud');
  });

  it('are each told once', () => {
    const due = new DueSessions();
    for (let name = 0; name < 50; name += 1) due.add(session(`ten_${name % 3}`, name));
    const told = new Set<string>();
    for (let next = due.next(); next; next = due.next()) told.add(next.sessionId);
    expect(told.size).toBe(50);
    expect(due.isEmpty).toBe(true);
  });
});
