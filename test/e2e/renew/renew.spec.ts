import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { delay } from '#core';
import { waitUntil } from '#testing';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';

let service: Service;
let caller: Caller;

beforeAll(async () => {
  service = await Service.start();
  ({ caller } = await service.tenant());
}, 60_000);

afterAll(() => service?.stop());

describe('renew', () => {
  it('answers the leader with the same term and the same token', async () => {
    const election = await caller.election();
    const { body: first } = await caller.campaign(election, { candidate: 'one' });
    const { status, body } = await caller.renew(election, first['session']);
    expect(status).toBe(200);
    const { candidateId, session, term, fence, fencingToken } = first;
    const same = { candidate: 'one', candidateId, session, term, fence, fencingToken };
    expect(body).toMatchObject({ ...same, state: 'leader', validForMs: 9_800, ttlMs: 10_000 });
  });

  it('keeps a leader for as long as it renews, and no longer', async () => {
    const election = await caller.election({ ttlMs: 1_000 });
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    await caller.campaign(election, { candidate: 'two', ttlMs: 30_000 });
    const endMs = performance.now() + 2_500;
    while (performance.now() < endMs) {
      const { body } = await caller.renew(election, leader['session'], { waitMs: 300 });
      expect(body).toMatchObject({ state: 'leader', term: 1 });
      // A leader is answered at once; far more renewals than a session needs are refused.
      await delay(100);
    }
    const next = await waitUntil(
      async () => {
        const { body } = await caller.get(`/v1/elections/${election}/leader`);
        return body['term'] === 2 && body;
      },
      { what: 'the successor of a leader that stopped renewing' },
    );
    expect(next).toMatchObject({ leader: { candidate: 'two' }, fence: 2 });
    const late = await caller.renew(election, leader['session']);
    expect([late.status, late.body['code']]).toEqual([410, 'session.expired']);
  });

  it('tells a waiting candidate its place, and its term with a token once it was promoted', async () => {
    const election = await caller.election();
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    const { body: second } = await caller.campaign(election, { candidate: 'two' });
    const { body: third } = await caller.campaign(election, { candidate: 'three' });
    expect((await caller.renew(election, third['session'])).body).toMatchObject({
      state: 'waiting',
      position: 2,
    });
    await caller.resign(election, leader);
    const promoted = await caller.renew(election, second['session']);
    expect(promoted.body).toMatchObject({
      state: 'leader',
      term: 2,
      fence: 2,
      fencingToken: expect.any(String),
    });
    expect((await caller.renew(election, third['session'])).body).toMatchObject({
      state: 'waiting',
      position: 1,
    });
  });

  it('held with waitMs is answered at the promotion', async () => {
    const election = await caller.election();
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    const { body: second } = await caller.campaign(election, { candidate: 'two' });
    const startMs = performance.now();
    const held = caller.renew(election, second['session'], { waitMs: 5_000 });
    await caller.resign(election, leader);
    expect((await held).body).toMatchObject({ state: 'leader', term: 2 });
    expect(performance.now() - startMs).toBeLessThan(3_000);
  });

  it('answers "out" with a reason to a live session that does not stand here', async () => {
    const election = await caller.election();
    const elsewhere = await caller.election();
    const { body } = await caller.campaign(election, { candidate: 'one' });
    const out = await caller.renew(elsewhere, body['session']);
    expect(out.status).toBe(200);
    expect(out.body).toMatchObject({ state: 'out', reason: 'not_standing', leader: null });
    expect(out.body).not.toHaveProperty('validForMs');
  });

  it('answers 410 to a session that has ended', async () => {
    const election = await caller.election();
    const { body } = await caller.campaign(election, { candidate: 'one' });
    await caller.resign(election, body);
    const gone = await caller.renew(election, body['session']);
    expect(gone.status).toBe(410);
    expect(gone.body).toMatchObject({ code: 'session.expired', status: 410 });
  });

  it("answers 404 to a forged session and to another tenant's, with one and the same text", async () => {
    const election = await caller.election();
    const { body } = await caller.campaign(election, { candidate: 'one' });
    const session = String(body['session']);
    const other = await service.tenant();
    await other.caller.election({ name: election });
    const forged = `${session.slice(0, -2)}${session.endsWith('AA') ? 'BB' : 'AA'}`;
    const answers = [
      await caller.renew(election, forged),
      await caller.renew(election, 'ses_x'),
      await other.caller.renew(election, session),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    expect(new Set(answers.map(({ body: { requestId: _, ...rest } }) => JSON.stringify(rest))).size).toBe(1);
    expect(answers[0]?.body['code']).toBe('session.unknown');
    expect((await caller.renew(election, session)).body['state']).toBe('leader');
  });

  it('refuses to hold longer than half of the ttlMs of its session', async () => {
    const election = await caller.election();
    const { body } = await caller.campaign(election, { candidate: 'one', ttlMs: 3_000 });
    const refused = await caller.renew(election, body['session'], { waitMs: 1_501 });
    expect([refused.status, refused.body['code']]).toEqual([400, 'request.invalid_body']);
    expect(refused.body['errors']).toMatchObject([{ pointer: '/waitMs' }]);
  });
});
