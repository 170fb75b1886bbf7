import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Caller } from '../caller.js';
import { EventReader } from '../events/event-reader.js';
import { Service, type Tenant } from '../service.js';
import { refusal, Scene, type Standing } from './scene.js';

let service: Service;
let tenant: Tenant;
let caller: Caller;

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
  ({ caller } = tenant);
}, 60_000);

afterAll(() => service?.stop());

describe('a graceful transfer', () => {
  it('asks the leader, and installs the named candidate with the acknowledgement itself, without a gap', async () => {
    const { scene, one, three } = await Scene.led(caller);
    const asked = await scene.ask('transfer', { to: 'three', expectedTerm: 1, reason: 'new version' });
    expect(asked.status).toBe(202);
    expect(asked.body).toMatchObject({ kind: 'transfer', state: 'asked', graceMs: 10_000, seat: 0 });
    expect(asked.headers.get('location')).toBe(`${scene.path}/hand-overs/${String(asked.body['id'])}`);

    const told = await scene.renew(one);
    expect(told).toMatchObject({ state: 'leader', reason: 'transferred', term: 1 });
    expect(told['yieldByMs']).toBeGreaterThan(5_000);
    expect(told['validForMs']).toBeGreaterThan(0);

    const after = await scene.stepDown(one);
    expect(after).toMatchObject({ state: 'waiting', reason: 'transferred', leader: { candidate: 'three' } });
    expect(after['candidateId']).not.toBe(one['candidateId']);
    expect(await scene.renew(three)).toMatchObject({ state: 'leader', term: 2, fence: 2, seat: 0 });
    expect(await scene.handOver(asked.body['id'])).toMatchObject({
      state: 'done',
      acknowledged: true,
      gapMs: 0,
      reason: 'new version',
      from: { candidate: 'one' },
      successor: { candidate: 'three', term: 2 },
      requestedBy: { type: 'api_key', id: tenant.keyId },
    });
    expect((await scene.candidates()).map(({ candidate }) => candidate)).toEqual(['three', 'two', 'one']);
  });

  it('that the leader ignores withholds its grants after the grace and waits until the last of them is over', async () => {
    const { scene, one } = await Scene.led(caller, 1_000);
    const asked = await scene.ask('transfer', { to: 'three', expectedTerm: 1, graceMs: 300 });
    const seen: Standing[] = [];
    await scene.until('the successor to lead', async () => {
      seen.push(await scene.renew(one));
      return seen.at(-1)?.['state'] === 'waiting';
    });
    const states = seen.map(({ state }) => state);
    expect([...new Set(states)]).toEqual(['leader', 'yielding', 'waiting']);
    for (const { state, validForMs } of seen) expect(validForMs !== undefined).toBe(state === 'leader');
    const done = await scene.handOver(asked.body['id']);
    expect(done).toMatchObject({ state: 'done', acknowledged: false, successor: { candidate: 'three' } });
    // Every grant that the leader ever had is over by then: the gap is its ttlMs at least.
    expect(done['gapMs']).toBeGreaterThanOrEqual(1_000);
    expect(seen.at(-1)).toMatchObject({ reason: 'transferred' });
  });

  it('is told to a leader whose renewal is held, before the wait is over', async () => {
    const { scene, one } = await Scene.led(caller);
    const startedMs = performance.now();
    const held = scene.renew(one, { term: 1, waitMs: 30_000 });
    await scene.ask('transfer', { to: 'two', expectedTerm: 1 });
    expect(await held).toMatchObject({ state: 'leader', reason: 'transferred' });
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  it('takes a resign for an acknowledgement as well; the leader is out then', async () => {
    const { scene, one } = await Scene.led(caller);
    const asked = await scene.ask('transfer', { to: 'three', expectedTerm: 1 });
    expect((await scene.resign(one)).body).toMatchObject({ successor: { candidate: 'three', seat: 0 } });
    expect(await scene.handOver(asked.body['id'])).toMatchObject({ state: 'done', acknowledged: true });
    expect(await scene.candidates()).toHaveLength(2);
  });

  it('whose target is gone goes to the next in line, or fails and leaves the leader, as it says', async () => {
    const to = { to: 'three', expectedTerm: 1 };
    const next = await Scene.led(caller);
    const asked = await next.scene.ask('transfer', { ...to, fallback: 'next' });
    await next.scene.resign(next.three);
    await next.scene.stepDown(next.one);
    expect(await next.scene.handOver(asked.body['id'])).toMatchObject({
      state: 'done',
      successor: { candidate: 'two' },
    });
    const cancel = await Scene.led(caller);
    const other = await cancel.scene.ask('transfer', { ...to, fallback: 'cancel' });
    await cancel.scene.resign(cancel.three);
    expect(await cancel.scene.untilHandOver(other.body['id'], 'failed')).toMatchObject({
      failure: 'target_gone',
    });
    const told = await cancel.scene.renew(cancel.one);
    expect(told).toMatchObject({ state: 'leader', term: 1 });
    expect(told).not.toHaveProperty('yieldByMs');
  });
});

describe('an immediate hand-over', () => {
  it('is done when it is answered, says how long the old leader may believe, and beats its fence', async () => {
    const { scene, one, two } = await Scene.led(caller, 30_000);
    const { status, body } = await scene.ask('depose', {
      mode: 'immediate',
      expectedTerm: 1,
      reason: 'writes garbage',
    });
    expect([status, body['state'], body['graceMs']]).toEqual([200, 'done', 0]);
    expect(body['oldLeaderMayBelieveForMs']).toBe(29_400);
    expect(await scene.renew(two)).toMatchObject({ state: 'leader', term: 2, fence: 2 });
    expect(await scene.renew(one)).toMatchObject({ state: 'out', reason: 'deposed' });
    const token = await caller.post('/v1/fencing-tokens/validate', { token: one['fencingToken'] });
    expect(token.body).toMatchObject({ valid: false, reason: 'superseded', fence: 1, currentFence: 2 });
  });

  it('of a transfer leaves the old leader in the contest', async () => {
    const { scene, one } = await Scene.led(caller);
    await scene.ask('transfer', { mode: 'immediate', to: 'three', expectedTerm: 1 });
    expect(await scene.leaders()).toEqual(['three']);
    expect(await scene.renew(one)).toMatchObject({ state: 'waiting', reason: 'transferred' });
  });
});

describe('a depose', () => {
  it('that is graceful puts the leader out at its acknowledgement', async () => {
    const { scene, one } = await Scene.led(caller);
    await scene.ask('depose', { expectedTerm: 1 });
    expect(await scene.renew(one)).toMatchObject({ state: 'leader', reason: 'deposed' });
    expect(await scene.stepDown(one)).toMatchObject({ state: 'out', reason: 'deposed' });
    expect((await scene.candidates()).map(({ candidate }) => candidate)).toEqual(['two', 'three']);
  });
});

describe('a hand-over that cannot be', () => {
  it.each([
    ['another term', 'step-down', { expectedTerm: 2 }, [409, 'election.term_changed']],
    ['another term', 'depose', { mode: 'immediate', expectedTerm: 0 }, [409, 'election.term_changed']],
    [
      'somebody who does not stand',
      'transfer',
      { to: 'nobody', expectedTerm: 1 },
      [409, 'candidate.not_waiting'],
    ],
    ['somebody who leads', 'transfer', { to: 'one', expectedTerm: 1 }, [409, 'candidate.not_waiting']],
    [
      'a past moment',
      'depose',
      { expectedTerm: 1, at: '2020-01-01T00:00:00Z' },
      [400, 'request.invalid_body', '/at'],
    ],
    ['no moment', 'depose', { expectedTerm: 1, at: 'tomorrow' }, [400, 'request.invalid_body', '/at']],
    ['no term', 'transfer', { to: 'two' }, [400, 'request.invalid_body', '/expectedTerm']],
    ['no target', 'transfer', { expectedTerm: 1 }, [400, 'request.invalid_body', '/to']],
    [
      'a seat that does not exist',
      'depose',
      { expectedTerm: 0, seat: 1 },
      [400, 'request.invalid_body', '/seat'],
    ],
    [
      'more than an hour',
      'depose',
      { expectedTerm: 1, graceMs: 3_600_001 },
      [400, 'request.invalid_body', '/graceMs'],
    ],
    [
      'grace at once',
      'depose',
      { mode: 'immediate', expectedTerm: 1, graceMs: 5 },
      [400, 'request.invalid_body', '/graceMs'],
    ],
    [
      'another way out',
      'transfer',
      { to: 'two', expectedTerm: 1, fallback: 'any' },
      [400, 'request.invalid_body', '/fallback'],
    ],
  ] as const)('names %s (%s) is refused, and nothing has changed', async (_what, verb, body, expected) => {
    const { scene, one } = await Scene.led(caller);
    const before = await scene.facts();
    for (const dryRun of [true, false])
      expect(refusal(await scene.ask(verb, { ...body, dryRun }))).toEqual(expected);
    expect(await scene.facts()).toEqual(before);
    expect(await scene.renew(one)).toMatchObject({ state: 'leader', term: 1 });
  });

  it('names somebody who is held back is refused, and says what to do', async () => {
    const { scene } = await Scene.led(caller);
    await caller.send('PUT', `${scene.path}/candidates/two/quarantine`);
    const refused = await scene.ask('transfer', { to: 'two', expectedTerm: 1 });
    expect(refusal(refused)).toEqual([409, 'candidate.not_waiting']);
    expect(refused.body['detail']).toContain('quarantine');
  });

  it('comes while another is under way is refused and names that one', async () => {
    const { scene } = await Scene.led(caller);
    const first = await scene.ask('step-down', { expectedTerm: 1 });
    const before = await scene.facts();
    const second = await scene.ask('depose', { expectedTerm: 1 });
    expect(refusal(second)).toEqual([409, 'hand_over.in_progress']);
    expect(second.body['detail']).toContain(first.body['id']);
    expect(await scene.facts()).toEqual(before);
  });

  it('is one of a vacant seat: there is no term to end, but a candidate can be appointed', async () => {
    const scene = await Scene.open(caller, { policy: 'manual' });
    const one = await scene.stand('one');
    expect(refusal(await scene.ask('depose', { expectedTerm: 0 }))).toEqual([409, 'election.vacant']);
    const done = await scene.ask('transfer', { to: 'one', expectedTerm: 0 });
    expect([done.status, done.body['state'], done.body['from']]).toEqual([200, 'done', null]);
    expect(await scene.renew(one)).toMatchObject({ state: 'leader', term: 1 });
  });
});

describe('a dry run', () => {
  it('checks everything, says what would be handed over, and changes nothing', async () => {
    const { scene, one } = await Scene.led(caller);
    const before = await scene.facts();
    const { status, body } = await scene.ask('transfer', { to: 'three', expectedTerm: 1, dryRun: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({ dryRun: true, state: 'asked', from: { candidate: 'one' }, to: 'three' });
    expect(body).not.toHaveProperty('id');
    expect(await scene.facts()).toEqual(before);
    expect(await scene.renew(one)).not.toHaveProperty('yieldByMs');
  });

  it('of an immediate one says for how long the old leader would believe, and that of a scheduled one when', async () => {
    const { scene, one } = await Scene.led(caller, 30_000);
    const wish = { mode: 'immediate', expectedTerm: 1, dryRun: true };
    const { body } = await scene.ask('depose', wish, { 'idempotency-key': scene.name });
    expect(body).toMatchObject({ dryRun: true, state: 'done', oldLeaderMayBelieveForMs: 29_400 });
    const at = new Date(Date.now() + 60_000).toISOString();
    expect((await scene.ask('depose', { ...wish, at })).body).toMatchObject({ state: 'scheduled', at });
    expect(await scene.renew(one)).toMatchObject({ state: 'leader', term: 1 });
    // A dry run takes no key.
    const real = await scene.ask('depose', { ...wish, dryRun: false }, { 'idempotency-key': scene.name });
    expect(real.body).toMatchObject({ state: 'done' });
    expect(real.body).not.toHaveProperty('dryRun');
  });
});

describe('a scheduled hand-over', () => {
  it('leaves the leader alone until its moment, and begins then', async () => {
    const { scene, one } = await Scene.led(caller);
    const at = new Date(Date.now() + 1_500).toISOString();
    const planned = await scene.ask('transfer', { to: 'two', expectedTerm: 1, at });
    expect([planned.status, planned.body['state'], planned.body['at']]).toEqual([202, 'scheduled', at]);
    expect(await scene.renew(one)).not.toHaveProperty('yieldByMs');
    await scene.untilTold(one, { reason: 'transferred' });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(at));
    expect(await scene.stepDown(one)).toMatchObject({ leader: { candidate: 'two' } });
  });

  it('that is cancelled before its moment never begins; its seat is free for another', async () => {
    const { scene } = await Scene.led(caller);
    const at = new Date(Date.now() + 3_600_000).toISOString();
    const { body } = await scene.ask('depose', { expectedTerm: 1, at });
    const path = `${scene.path}/hand-overs/${String(body['id'])}`;
    expect((await caller.delete(path)).body).toMatchObject({ id: body['id'], state: 'cancelled' });
    expect((await scene.ask('depose', { expectedTerm: 1 })).status).toBe(202);
  });

  it('fails when the term that it names ends before', async () => {
    const { scene, one } = await Scene.led(caller);
    const at = new Date(Date.now() + 3_600_000).toISOString();
    const { body } = await scene.ask('depose', { expectedTerm: 1, at });
    await scene.resign(one);
    expect(await scene.untilHandOver(body['id'], 'failed')).toMatchObject({ failure: 'term_changed' });
    expect(await scene.leaders()).toEqual(['two']);
  });
});

describe('cancelling', () => {
  it('gives the leader its term back, withheld or not, also when repeated', async () => {
    const { scene, one } = await Scene.led(caller);
    for (const graceMs of [10_000, 0]) {
      const { body } = await scene.ask('depose', { expectedTerm: 1, graceMs });
      expect(await scene.renew(one)).toMatchObject({ state: graceMs > 0 ? 'leader' : 'yielding' });
      const path = `${scene.path}/hand-overs/${String(body['id'])}`;
      for (const answer of [await caller.delete(path), await caller.delete(path)])
        expect([answer.status, answer.body['state']]).toEqual([200, 'cancelled']);
      const told = await scene.renew(one);
      expect(told).toMatchObject({ state: 'leader', term: 1 });
      expect(told).not.toHaveProperty('reason');
    }
  });

  it('undoes nothing that is done, and knows no other id', async () => {
    const { scene } = await Scene.led(caller);
    const { body } = await scene.ask('depose', { mode: 'immediate', expectedTerm: 1 });
    const before = await scene.facts();
    const late = await caller.delete(`${scene.path}/hand-overs/${String(body['id'])}`);
    expect(refusal(late)).toEqual([409, 'hand_over.over']);
    for (const unknown of ['hov_000000000000000000000000', 'hov_x'])
      expect(refusal(await caller.delete(`${scene.path}/hand-overs/${unknown}`))).toEqual([
        404,
        'hand_over.not_found',
      ]);
    expect(refusal(await caller.get(`${scene.path}/hand-overs/7`))).toEqual([
      400,
      'request.invalid_path',
      'id',
    ]);
    expect(await scene.facts()).toEqual(before);
  });
});

describe('a hand-over that is asked for twice', () => {
  it('with the same Idempotency-Key is one, and its repeat ends no second term', async () => {
    const { scene } = await Scene.led(caller);
    const send = () =>
      scene.ask('depose', { mode: 'immediate', expectedTerm: 1 }, { 'idempotency-key': scene.name });
    const [first, second] = [await send(), await send()];
    expect(second.body['id']).toBe(first.body['id']);
    expect(await scene.leaders()).toEqual(['two']);
    const without = await scene.ask('depose', { mode: 'immediate', expectedTerm: 1 });
    expect(refusal(without)).toEqual([409, 'election.term_changed']);
  });

  it('is answered how it stands now, and not how it stood at first', async () => {
    const { scene, one } = await Scene.led(caller);
    const send = (wish: object = {}) =>
      scene.ask('transfer', { to: 'three', expectedTerm: 1, ...wish }, { 'idempotency-key': scene.name });
    const first = await send();
    expect([first.status, first.body['state']]).toEqual([202, 'asked']);
    expect((await send()).status).toBe(202);
    expect(refusal(await send({ to: 'two' }))).toEqual([422, 'request.idempotency_mismatch']);
    await scene.stepDown(one);
    const last = await send();
    expect([last.status, last.body['id']]).toEqual([200, first.body['id']]);
    expect(last.body).toMatchObject({ state: 'done', acknowledged: true, successor: { candidate: 'three' } });
    expect(await scene.leaders()).toEqual(['three']);
  });
});

describe('what others see of a hand-over', () => {
  it('is in the status while it is under way, in the list, and in the events that follow from it', async () => {
    const { scene, one } = await Scene.led(caller);
    const reader = await EventReader.open(caller, scene.name);
    await reader.until(1);
    const { body } = await scene.ask('transfer', { to: 'two', expectedTerm: 1 });
    expect(await scene.status()).toMatchObject({
      seats: [
        { seat: 0, yielding: { reason: 'transferred', withheld: false }, handOver: { id: body['id'] } },
      ],
    });
    await scene.stepDown(one);
    const { body: list } = await caller.get(`${scene.path}/hand-overs`);
    expect(list).toMatchObject({ data: [{ id: body['id'], state: 'done' }] });
    const [, lost, acquired] = await reader.until(3);
    reader.close();
    expect(lost).toMatchObject({
      event: 'leadership.lost',
      data: {
        seat: 0,
        reason: 'transferred',
        handOverId: body['id'],
        causedBy: { type: 'api_key', id: tenant.keyId },
      },
    });
    expect(acquired).toMatchObject({ event: 'leadership.acquired', data: { seat: 0, term: 2 } });
  });
});
