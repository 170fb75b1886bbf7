import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Caller } from '../caller.js';
import { Service, type Tenant } from '../service.js';
import { refusal, Scene } from './scene.js';

let service: Service;
let tenant: Tenant;
let caller: Caller;

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
  ({ caller } = tenant);
}, 60_000);

afterAll(() => service?.stop());

describe("a leader's own step-down", () => {
  it('gives the term to the next in line and queues anew; repeated, it changes nothing', async () => {
    const { scene, one } = await Scene.led(caller);
    const first = await scene.stepDown(one);
    expect(first).toMatchObject({ state: 'waiting', reason: 'stepped_down', leader: { candidate: 'two' } });
    const before = await scene.facts();
    const again = await scene.stepDown(one);
    expect(again).toMatchObject({ state: 'waiting', candidateId: first['candidateId'] });
    expect(await scene.facts()).toEqual(before);
  });

  it('of one that is alone makes it lead again, as another candidacy and in a new term', async () => {
    const scene = await Scene.open(caller);
    const one = await scene.stand('one');
    const again = await scene.stepDown(one);
    expect(again).toMatchObject({ state: 'leader', term: 2, fence: 2 });
    expect(again['candidateId']).not.toBe(one['candidateId']);
  });

  it('is answered afresh also with an Idempotency-Key: a stored "leader" would be a lie', async () => {
    const scene = await Scene.open(caller);
    const { session, candidateId } = await scene.stand('one');
    const send = () =>
      caller.post(`${scene.path}/step-down`, { session, candidateId }, { 'idempotency-key': 'k' });
    const [first, second] = [await send(), await send()];
    expect(first.body).toMatchObject({ state: 'leader', term: 2 });
    expect(second.headers.get('idempotent-replayed')).toBeNull();
    expect(second.body['serverTime']).not.toBe(first.body['serverTime']);
  });

  it('works while the tenant is suspended; that of an operator does not', async () => {
    const { caller: own, id } = await service.tenant();
    const scene = await Scene.open(own);
    const one = await scene.stand('one');
    const state = (status: string) => service.operator.patch(`/admin/v1/tenants/${id}`, { status });
    await state('suspended');
    const operators = await scene.ask('step-down', { expectedTerm: 1 });
    expect(refusal(operators)).toEqual([403, 'tenant.suspended']);
    expect(await scene.stepDown(one)).toMatchObject({ state: 'out', reason: 'suspended' });
  });
});

describe('the two bodies of step-down', () => {
  it('need the scope of what they do, and nothing else', async () => {
    const { scene, one } = await Scene.led(caller);
    const participant = (await service.key(tenant.id, { scopes: ['elections:campaign'] })).caller;
    const operator = (await service.key(tenant.id, { scopes: ['elections:manage'] })).caller;
    const own = { session: one['session'], candidateId: one['candidateId'] };
    const wish = { mode: 'graceful', expectedTerm: 1 };
    const send = (by: Caller, body: object) => by.post(`${scene.path}/step-down`, body);
    expect(refusal(await send(participant, wish))).toEqual([403, 'identity.scope_missing']);
    expect(refusal(await send(operator, own))).toEqual([403, 'identity.scope_missing']);
    const reader = (await service.key(tenant.id, { scopes: ['elections:read'] })).caller;
    expect(refusal(await send(reader, wish))).toEqual([403, 'identity.scope_missing']);
    expect((await send(operator, wish)).status).toBe(202);
    expect((await send(participant, own)).body).toMatchObject({ state: 'waiting' });
  });

  it.each([
    ['neither', {}, ''],
    ['both', { session: 's', candidateId: 'c', mode: 'graceful', expectedTerm: 1 }, ''],
    ['half of the first', { session: 's' }, '/candidateId'],
    ['half of the second', { mode: 'graceful' }, '/expectedTerm'],
    ['another mode', { mode: 'gentle', expectedTerm: 1 }, '/mode'],
    ['a term as string', { mode: 'graceful', expectedTerm: '1' }, '/expectedTerm'],
    ['an unknown field', { mode: 'graceful', expectedTerm: 1, to: 'two' }, '/to'],
  ])('are told apart: %s is a 400 that names what is wrong', async (_what, body, pointer) => {
    const { scene } = await Scene.led(caller);
    const before = await scene.facts();
    const answer = await caller.post(`${scene.path}/step-down`, body);
    expect(refusal(answer)).toEqual([400, 'request.invalid_body', pointer]);
    if (pointer === '') expect(answer.body['detail']).toMatch(/^Send either session and candidateId/);
    expect(await scene.facts()).toEqual(before);
  });
});
