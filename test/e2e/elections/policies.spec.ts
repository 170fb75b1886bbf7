import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Caller } from '../caller.js';
import { Service } from '../service.js';
import { refusal, Scene } from './scene.js';

let service: Service;
let caller: Caller;

beforeAll(async () => {
  service = await Service.start();
  ({ caller } = await service.tenant());
}, 60_000);

afterAll(() => service?.stop());

describe('policy fifo', () => {
  it('elects whoever waits longest', async () => {
    const scene = await Scene.open(caller, { policy: 'fifo' });
    const one = await scene.stand('one');
    for (const name of ['two', 'three']) await scene.stand(name, { priority: name === 'three' ? 9 : 0 });
    await scene.resign(one);
    expect(await scene.leaders()).toEqual(['two']);
  });
});

describe('policy priority', () => {
  it('elects the highest that waits, among equals whoever waits longest, and disturbs no leader', async () => {
    const scene = await Scene.open(caller, { policy: 'priority' });
    const low = await scene.stand('low', { priority: -5 });
    for (const [name, priority] of [
      ['a', 1],
      ['b', 7],
      ['c', 7],
    ] as const)
      await scene.stand(name, { priority });
    expect(await scene.renew(low)).toMatchObject({ state: 'leader' });
    const queue = await scene.candidates();
    expect(queue.map(({ candidate, position }) => [candidate, position])).toEqual([
      ['low', undefined],
      ['b', 1],
      ['c', 2],
      ['a', 3],
    ]);
    await scene.resign(low);
    expect(await scene.leaders()).toEqual(['b']);
  });

  it('with preemption asks a lower leader to step down; it leads until it does', async () => {
    const scene = await Scene.open(caller, { policy: 'priority', preemption: true });
    const low = await scene.stand('low');
    await scene.stand('high', { priority: 5 });
    const told = await scene.untilTold(low, { reason: 'preempted' });
    expect(told).toMatchObject({ state: 'leader', term: 1 });
    const after = await scene.stepDown(low);
    expect(after).toMatchObject({ state: 'waiting', reason: 'preempted', leader: { candidate: 'high' } });
    await scene.stand('equal', { priority: 5 });
    expect(await scene.status()).toMatchObject({ term: 2, seats: [{ seat: 0 }] });
    expect((await scene.status())['seats']).not.toMatchObject([{ yielding: expect.anything() }]);
  });

  it('counts a priority as 0 from the moment at which it expires', async () => {
    const scene = await Scene.open(caller, { policy: 'priority', preemption: true, graceMs: 3_600_000 });
    const until = new Date(Date.now() + 1_500).toISOString();
    const one = await scene.stand('one', { priority: 10, priorityExpiresAt: until });
    await scene.stand('two', { priority: 5 });
    expect(await scene.renew(one)).not.toHaveProperty('reason');
    await scene.untilTold(one, { reason: 'preempted' });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(until));
  });

  it('follows an operator who changes the priority of one that waits', async () => {
    const scene = await Scene.open(caller, { policy: 'priority' });
    const one = await scene.stand('one');
    await scene.stand('two');
    await scene.stand('three');
    const path = `${scene.path}/candidates/three`;
    const priorityExpiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const changed = await caller.patch(path, { priority: 3, priorityExpiresAt });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({ candidate: 'three', position: 1, priority: 3, priorityExpiresAt });
    expect((await caller.get(path)).body).toEqual(changed.body);
    const lasting = await caller.patch(path, { priority: 3 });
    expect(lasting.body).not.toHaveProperty('priorityExpiresAt');
    await scene.resign(one);
    expect(await scene.leaders()).toEqual(['three']);
  });

  it.each([
    ['above 1000', { priority: 1_001 }, '/priority'],
    ['below -1000', { priority: -1_001 }, '/priority'],
    ['as string', { priority: '5' }, '/priority'],
    ['of a half', { priority: 0.5 }, '/priority'],
    ['with an end that is no moment', { priority: 1, priorityExpiresAt: 'soon' }, '/priorityExpiresAt'],
  ])('refuses a priority %s wherever it is given, and nothing has changed', async (_what, body, at) => {
    const scene = await Scene.open(caller, { policy: 'priority', preemption: true });
    await scene.stand('one');
    await scene.stand('two');
    const before = await scene.facts();
    const given = [
      await caller.campaign(scene.name, { candidate: 'three', ...body }),
      await caller.patch(`${scene.path}/candidates/two`, body),
    ];
    for (const answer of given) expect(refusal(answer)).toEqual([400, 'request.invalid_body', at]);
    expect(await scene.facts()).toEqual(before);
  });

  it('refuses an operator a priority that is over already, or one for somebody who does not stand', async () => {
    const scene = await Scene.open(caller, { policy: 'priority' });
    await scene.stand('one');
    const before = await scene.facts();
    const past = { priority: 1, priorityExpiresAt: '2020-01-01T00:00:00Z' };
    expect(refusal(await caller.patch(`${scene.path}/candidates/one`, past))).toEqual([
      400,
      'request.invalid_body',
      '/priorityExpiresAt',
    ]);
    const nobody = `${scene.path}/candidates/nobody`;
    for (const answer of [await caller.patch(nobody, { priority: 1 }), await caller.get(nobody)])
      expect(refusal(answer)).toEqual([404, 'candidate.not_found']);
    expect(await scene.facts()).toEqual(before);
  });
});

describe('policy rotation', () => {
  it('asks the leader when its time is up and another waits, and goes round by name', async () => {
    const scene = await Scene.open(caller, { policy: 'rotation', maxTermMs: 1_000 });
    const standing = { b: await scene.stand('b'), c: await scene.stand('c'), a: await scene.stand('a') };
    for (const [name, next] of [
      ['b', 'c'],
      ['c', 'a'],
      ['a', 'b'],
    ] as const) {
      await scene.untilTold(standing[name], { state: 'leader', reason: 'rotated' });
      await scene.stepDown(standing[name]);
      expect(await scene.leaders()).toEqual([next]);
    }
  });

  it('leaves alone whoever is alone', async () => {
    const scene = await Scene.open(caller, { policy: 'rotation', maxTermMs: 1_000 });
    const one = await scene.stand('one');
    const beside = await Scene.open(caller, { policy: 'rotation', maxTermMs: 1_000 });
    const later = await beside.stand('one');
    await beside.stand('two');
    await beside.untilTold(later, { reason: 'rotated' });
    expect(await scene.renew(one)).not.toHaveProperty('yieldByMs');
  });
});

describe('policy sticky', () => {
  it('gives a vacant seat back to its last leader before those who wait longer', async () => {
    const scene = await Scene.open(caller, { policy: 'sticky', takeoverDelayMs: 60_000 });
    await scene.stand('one', { ttlMs: 1_000 });
    await scene.stand('two');
    await scene.untilLed(null);
    expect(await scene.stand('one')).toMatchObject({ state: 'leader', term: 2 });
  });

  it('does not bring back a leader that has stepped down while another waits', async () => {
    const scene = await Scene.open(caller, { policy: 'sticky' });
    const one = await scene.stand('one');
    await scene.stand('two');
    expect(await scene.stepDown(one)).toMatchObject({ leader: { candidate: 'two' } });
  });
});

describe('policy health', () => {
  it('asks a leader to step down whose health falls below the floor, and elects the healthiest', async () => {
    const scene = await Scene.open(caller, { policy: 'health', healthFloor: 50 });
    const one = await scene.stand('one', { health: 90 });
    await scene.stand('two', { health: 60 });
    await scene.stand('three', { health: 80 });
    await scene.renew(one, { health: 49 });
    await scene.untilTold(one, { state: 'leader', reason: 'unhealthy' });
    expect(await scene.stepDown(one)).toMatchObject({ state: 'waiting', leader: { candidate: 'three' } });
  });

  it('elects nobody below the floor, and whoever recovers at once', async () => {
    const scene = await Scene.open(caller, { policy: 'health', healthFloor: 50 });
    const one = await scene.stand('one', { health: 10 });
    expect(one['state']).toBe('waiting');
    await scene.renew(one, { health: 50 });
    await scene.untilTold(one, { state: 'leader' });
    const [shown] = await scene.candidates();
    expect(shown).toMatchObject({ candidate: 'one', state: 'leader', seat: 0, health: 50 });
  });

  it('withdraws the request when the leader is well again', async () => {
    const scene = await Scene.open(caller, { policy: 'health', healthFloor: 50, graceMs: 3_600_000 });
    const one = await scene.stand('one');
    await scene.renew(one, { health: 1 });
    await scene.untilTold(one, { reason: 'unhealthy' });
    await scene.renew(one, { health: 99 });
    await scene.until('no more request', async () => (await scene.renew(one))['reason'] === undefined);
    expect(await scene.renew(one)).toMatchObject({ state: 'leader', term: 1 });
  });

  it.each([101, -1, '90', 50.5])(
    'takes no health of %p, and the session is not renewed by it',
    async (health) => {
      const scene = await Scene.open(caller, { policy: 'health', healthFloor: 50 });
      const one = await scene.stand('one');
      const answer = await caller.renew(scene.name, one['session'], { health });
      expect(refusal(answer)).toEqual([400, 'request.invalid_body', '/health']);
      expect(refusal(await caller.campaign(scene.name, { candidate: 'x', health }))).toEqual([
        400,
        'request.invalid_body',
        '/health',
      ]);
    },
  );
});

describe('policy manual', () => {
  it('elects nobody until an operator appoints, and nobody after that leader has gone', async () => {
    const scene = await Scene.open(caller, { policy: 'manual' });
    await scene.stand('one');
    const two = await scene.stand('two');
    expect(await scene.leaders()).toEqual([null]);
    const done = await scene.ask('transfer', { to: 'two', expectedTerm: 0 });
    expect(done.body).toMatchObject({ state: 'done', successor: { candidate: 'two', term: 1 } });
    await scene.resign(two);
    expect(await scene.leaders()).toEqual([null]);
    expect(await scene.status()).toMatchObject({ term: 1, candidateCount: 1 });
  });
});

describe('a change of policy', () => {
  it('leaves the leader in its term and holds from the next vacancy on', async () => {
    const scene = await Scene.open(caller);
    const one = await scene.stand('one');
    await scene.stand('two', { priority: 1 });
    await scene.stand('three', { priority: 9 });
    expect((await scene.change({ policy: 'priority' })).status).toBe(200);
    expect(await scene.renew(one)).toMatchObject({ state: 'leader', term: 1 });
    await scene.resign(one);
    expect(await scene.leaders()).toEqual(['three']);
  });

  it('to one that wants the running term ended asks its leader', async () => {
    const scene = await Scene.open(caller);
    const one = await scene.stand('one');
    await scene.stand('two', { priority: 1 });
    await scene.change({ policy: 'priority', preemption: true });
    await scene.untilTold(one, { state: 'leader', reason: 'preempted' });
    await scene.change({ policy: 'fifo', preemption: false });
    await scene.until('no more request', async () => (await scene.renew(one))['reason'] === undefined);
  });
});

describe('a pin', () => {
  it('keeps a leader from being preempted until it is taken away', async () => {
    const scene = await Scene.open(caller, { policy: 'priority', preemption: true });
    const one = await scene.stand('one');
    const { body } = await scene.change({ pinned: 'one' });
    expect(body['pinned']).toBe('one');
    await scene.stand('two', { priority: 9 });
    expect((await scene.status())['pinned']).toBe('one');
    expect(await scene.renew(one)).not.toHaveProperty('reason');
    expect((await scene.change({ pinned: null })).body).not.toHaveProperty('pinned');
    await scene.untilTold(one, { reason: 'preempted' });
  });

  it('puts its candidate before all others at the next vacancy', async () => {
    const scene = await Scene.open(caller);
    const one = await scene.stand('one');
    for (const name of ['two', 'three']) await scene.stand(name);
    await scene.change({ pinned: 'three' });
    expect(await scene.leaders()).toEqual(['one']);
    await scene.resign(one);
    expect(await scene.leaders()).toEqual(['three']);
  });

  it('whose candidate is gone keeps nobody else from leading', async () => {
    const scene = await Scene.open(caller);
    const one = await scene.stand('one');
    await scene.stand('two');
    await scene.change({ pinned: 'one' });
    await scene.resign(one);
    expect(await scene.leaders()).toEqual(['two']);
  });

  it('of somebody who does not stand is refused, and nothing has changed', async () => {
    const scene = await Scene.open(caller);
    const one = await scene.stand('one');
    const two = await scene.stand('two');
    await scene.resign(two);
    const before = await scene.facts();
    for (const pinned of ['two', 'nobody'])
      expect(refusal(await scene.change({ pinned, ttlMs: 2_000 }))).toEqual([404, 'candidate.not_found']);
    expect(await scene.facts()).toEqual(before);
    expect(await scene.renew(one)).toMatchObject({ state: 'leader', term: 1 });
  });
});
