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

const EVERYTHING = {
  description: 'All of it',
  policy: 'rotation',
  ttlMs: 5_000,
  maxTtlMs: 30_000,
  seats: 3,
  preemption: false,
  maxTermMs: 600_000,
  minTermMs: 60_000,
  graceMs: 2_000,
  takeoverDelayMs: 20_000,
  shortTermMs: 30_000,
  backoffMs: 5_000,
  quarantineAfter: 4,
  healthFloor: 0,
};

describe('settings of an election', () => {
  it('are shown as they were given, one and all, also after a change of one of them', async () => {
    const scene = await Scene.open(caller, EVERYTHING);
    expect((await caller.get(scene.path)).body).toMatchObject(EVERYTHING);
    const { status, body } = await scene.change({ graceMs: 3_000 });
    expect(status).toBe(200);
    expect(body).toMatchObject({ ...EVERYTHING, graceMs: 3_000 });
  });

  it('are in what the operator exports of the tenant', async () => {
    const own = await service.tenant();
    await own.caller.election({ ...EVERYTHING, name: 'exported' });
    const { text } = await service.operator.get(`/admin/v1/tenants/${own.id}/export`);
    const { description, ...settings } = EVERYTHING;
    for (const [name, value] of Object.entries(settings))
      expect(text).toContain(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
    expect(text).toContain(description);
  });

  it('are taken back with 0, so that the policy can be another one', async () => {
    const scene = await Scene.open(caller, { policy: 'rotation', maxTermMs: 60_000 });
    expect(refusal(await scene.change({ policy: 'fifo' }))).toEqual([
      400,
      'request.invalid_body',
      '/maxTermMs',
    ]);
    const changed = await scene.change({ policy: 'fifo', maxTermMs: 0 });
    expect(changed.body).toMatchObject({ policy: 'fifo', maxTermMs: 0 });
  });
});

const CONTRADICTIONS: [string, Record<string, unknown>, string][] = [
  ['a ttlMs above maxTtlMs', { ttlMs: 10_000, maxTtlMs: 5_000 }, '/maxTtlMs'],
  ['minTermMs above maxTermMs', { policy: 'rotation', maxTermMs: 5_000, minTermMs: 6_000 }, '/minTermMs'],
  ['rotation without maxTermMs', { policy: 'rotation' }, '/maxTermMs'],
  ['maxTermMs without rotation', { maxTermMs: 60_000 }, '/maxTermMs'],
  ['preemption without priority', { policy: 'sticky', preemption: true }, '/preemption'],
  ['health without healthFloor', { policy: 'health' }, '/healthFloor'],
  ['healthFloor without health', { healthFloor: 50 }, '/healthFloor'],
  ['backoffMs without shortTermMs', { backoffMs: 1_000 }, '/backoffMs'],
  ['quarantineAfter without shortTermMs', { quarantineAfter: 3 }, '/quarantineAfter'],
];

const UNFIT: [string, Record<string, unknown>, string][] = [
  ['no seat', { seats: 0 }, '/seats'],
  ['33 seats', { seats: 33 }, '/seats'],
  ['half a seat', { seats: 1.5 }, '/seats'],
  ['seats as string', { seats: '2' }, '/seats'],
  ['a policy that does not exist', { policy: 'random' }, '/policy'],
  ['preemption as string', { policy: 'priority', preemption: 'true' }, '/preemption'],
  ['a term below a second', { policy: 'rotation', maxTermMs: 500 }, '/maxTermMs'],
  ['a negative term', { minTermMs: -1 }, '/minTermMs'],
  ['a grace as string', { graceMs: '100' }, '/graceMs'],
  ['a grace above an hour', { graceMs: 3_600_001 }, '/graceMs'],
  ['a delay above a quarter of an hour', { takeoverDelayMs: 900_001 }, '/takeoverDelayMs'],
  ['a back-off above an hour', { shortTermMs: 1, backoffMs: 3_600_001 }, '/backoffMs'],
  ['a health above 100', { policy: 'health', healthFloor: 101 }, '/healthFloor'],
  ['an unknown field', { quorum: 2 }, '/quorum'],
];

describe('settings that contradict each other or do not fit', () => {
  it.each([...CONTRADICTIONS, ...UNFIT])(
    'refuse an election with %s, and none is made',
    async (_, body, at) => {
      const name = `no-${crypto.randomUUID()}`;
      const refused = await caller.post('/v1/elections', { name, ...body });
      expect(refusal(refused)).toEqual([400, 'request.invalid_body', at]);
      for (const { message } of refused.body['errors'] as { message: string }[])
        expect(message.length).toBeGreaterThan(5);
      expect((await caller.get(`/v1/elections/${name}`)).status).toBe(404);
    },
  );

  it.each([...CONTRADICTIONS, ...UNFIT])(
    'refuse a change to %s, and nothing has changed',
    async (_, body, at) => {
      const scene = await Scene.open(caller);
      const one = await scene.stand('one');
      const before = await scene.facts();
      expect(refusal(await scene.change(body))).toEqual([400, 'request.invalid_body', at]);
      expect(await scene.facts()).toEqual(before);
      expect(await scene.renew(one)).toMatchObject({ state: 'leader', term: 1 });
    },
  );

  it('are told together, each with its field', async () => {
    const scene = await Scene.open(caller);
    const refused = await scene.change({ policy: 'health', preemption: true, maxTermMs: 1_000 });
    expect(refusal(refused).slice(2).sort()).toEqual(['/healthFloor', '/maxTermMs', '/preemption']);
  });
});

describe('what belongs to a change alone', () => {
  it.each([
    ['state', 'closed'],
    ['retireSeats', false],
    ['pinned', ''],
  ])('%s does not take %p', async (field, value) => {
    const scene = await Scene.open(caller);
    const before = await scene.facts();
    const refused = await scene.change({ seats: 1, [field]: value });
    expect(refusal(refused)).toEqual([400, 'request.invalid_body', `/${field}`]);
    expect(await scene.facts()).toEqual(before);
  });

  it('is refused where it is made', async () => {
    for (const field of ['state', 'pinned', 'retireSeats'])
      expect(refusal(await caller.post('/v1/elections', { name: 'x', [field]: 'open' }))).toEqual([
        400,
        'request.invalid_body',
        `/${field}`,
      ]);
  });

  it('is retireSeats with a number of seats, and nothing by itself', async () => {
    const scene = await Scene.open(caller);
    expect(refusal(await scene.change({ retireSeats: true }))).toEqual([
      400,
      'request.invalid_body',
      '/retireSeats',
    ]);
  });
});
