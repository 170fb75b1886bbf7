import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';

let service: Service;
let caller: Caller;

beforeAll(async () => {
  service = await Service.start();
  ({ caller } = await service.tenant());
}, 60_000);

afterAll(() => service?.stop());

const leaderOf = (election: string, query = '') => caller.get(`/v1/elections/${election}/leader${query}`);

describe('leader', () => {
  it('shows a vacancy with term and fence 0 before the first term', async () => {
    const election = await caller.election();
    const { status, body } = await leaderOf(election);
    expect(status).toBe(200);
    expect(body).toEqual({
      election,
      leader: null,
      seat: 0,
      term: 0,
      fence: 0,
      sequence: 0,
      serverTime: expect.any(String),
    });
  });

  it('shows who leads, and never its session', async () => {
    const election = await caller.election();
    const { body: standing } = await caller.campaign(election, { candidate: 'one', metadata: { a: 1 } });
    const { body, text } = await leaderOf(election);
    expect(body).toMatchObject({ leader: standing['leader'], term: 1, fence: 1, sequence: 1 });
    expect(text).not.toContain(String(standing['session']).slice(4, 20));
  });

  it('held with waitMs is answered by a new leader', async () => {
    const election = await caller.election();
    const held = leaderOf(election, '?waitMs=5000&afterSequence=0');
    await caller.campaign(election, { candidate: 'one' });
    expect((await held).body).toMatchObject({ leader: { candidate: 'one' }, sequence: 1 });
  });

  it('held with waitMs is answered by a vacancy', async () => {
    const election = await caller.election();
    const { body: standing } = await caller.campaign(election, { candidate: 'one' });
    const held = leaderOf(election, '?waitMs=5000&afterSequence=1');
    await caller.resign(election, standing);
    const { body } = await held;
    expect(body).toMatchObject({ leader: null, term: 1 });
    expect(Number(body['sequence'])).toBeGreaterThan(1);
  });

  it('is answered at once when the caller is behind', async () => {
    const election = await caller.election();
    await caller.campaign(election, { candidate: 'one' });
    const startMs = performance.now();
    await leaderOf(election, '?waitMs=10000&afterSequence=0');
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });

  it('is answered as it stands when nothing happens in the time', async () => {
    const election = await caller.election();
    await caller.campaign(election, { candidate: 'one' });
    const startMs = performance.now();
    const { status, body } = await leaderOf(election, '?waitMs=250');
    expect([status, body['sequence']]).toEqual([200, 1]);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(245);
  });
});

describe('status', () => {
  it('shows the running term, and after its end who led and why it ended', async () => {
    const election = await caller.election();
    const { body: standing } = await caller.campaign(election, { candidate: 'one' });
    await caller.campaign(election, { candidate: 'two' });
    const running = await caller.get(`/v1/elections/${election}/status`);
    expect(running.body).toMatchObject({ election, state: 'open', candidateCount: 2, term: 1 });
    expect(running.body).toMatchObject({ lastTerm: { term: 1, fence: 1, leader: 'one' } });
    expect(running.body['lastTerm']).not.toHaveProperty('reason');
    const alone = await caller.election();
    const { body: only } = await caller.campaign(alone, { candidate: 'one' });
    await caller.resign(alone, only);
    const ended = await caller.get(`/v1/elections/${alone}/status`);
    expect(ended.body).toMatchObject({
      leader: null,
      candidateCount: 0,
      lastTerm: { term: 1, reason: 'resigned' },
    });
    expect(standing['state']).toBe('leader');
  });
});

describe('candidates', () => {
  it('lists the leader first and then the queue, page by page', async () => {
    const election = await caller.election();
    const names = ['zoe', 'adam', 'mia', 'ben', 'eva'];
    for (const candidate of names) await caller.campaign(election, { candidate });
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const more = cursor === null ? '' : `&cursor=${cursor}`;
      const { body } = await caller.get(`/v1/elections/${election}/candidates?limit=2${more}`);
      seen.push(...(body['data'] as unknown[]));
      cursor = body['nextCursor'] as string | null;
    } while (cursor !== null);
    expect(seen).toMatchObject(
      names.map((candidate, at) =>
        at === 0 ? { candidate, state: 'leader' } : { candidate, state: 'waiting', position: at },
      ),
    );
    expect(JSON.stringify(seen)).not.toMatch(/session|incarnation/i);
  });
});
