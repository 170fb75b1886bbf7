import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Caller } from '../caller.js';
import { EventReader } from '../events/event-reader.js';
import { Service } from '../service.js';
import { Worker } from '../worker.js';
import { refusal, Scene, type Standing } from './scene.js';

let service: Service;
let worker: Worker;
let caller: Caller;

beforeAll(async () => {
  service = await Service.start();
  worker = await Worker.start(service);
  ({ caller } = await service.tenant());
}, 60_000);

afterAll(async () => {
  await worker?.stop();
  await service?.stop();
});

/** Two seats: `one` and `two` lead, `three` waits. */
async function twoSeats(): Promise<{ scene: Scene; one: Standing; two: Standing; three: Standing }> {
  const scene = await Scene.open(caller, { seats: 2 });
  const [one, two] = [await scene.stand('one'), await scene.stand('two')];
  return { scene, one, two, three: await scene.stand('three') };
}

const claimsOf = ({ fencingToken }: Standing) =>
  JSON.parse(Buffer.from(String(fencingToken).split('.')[1] ?? '', 'base64url').toString()) as Standing;

const verdictOf = async ({ fencingToken }: Standing) =>
  (await caller.post('/v1/fencing-tokens/validate', { token: fencingToken })).body;

describe('an election with two seats', () => {
  it('has two leaders, each with seat, term, fence and token of its own, and no third', async () => {
    const { scene, one, two, three } = await twoSeats();
    expect(one).toMatchObject({ state: 'leader', seat: 0, term: 1, fence: 1, leader: { seat: 0 } });
    expect(two).toMatchObject({ state: 'leader', seat: 1, term: 1, fence: 1, leader: { seat: 1 } });
    expect(three).toMatchObject({ state: 'waiting', position: 1 });
    expect([claimsOf(one)['seat'], claimsOf(two)['seat']]).toEqual([0, 1]);
    expect(await scene.leaders()).toEqual(['one', 'two']);
    const queue = await scene.candidates();
    expect(queue.map(({ candidate, seat }) => [candidate, seat])).toEqual([
      ['one', 0],
      ['two', 1],
      ['three', undefined],
    ]);
    for (const [seat, name] of [
      ['0', 'one'],
      ['1', 'two'],
    ])
      expect((await caller.get(`${scene.path}/leader?seat=${seat}`)).body).toMatchObject({
        seat: Number(seat),
        leader: { candidate: name, seat: Number(seat) },
      });
    expect((await caller.get(`${scene.path}/leader`)).body).toMatchObject({ leader: { candidate: 'one' } });
  });

  it('fills the seat that becomes vacant, and raises the fence of that seat alone', async () => {
    const { scene, one, two, three } = await twoSeats();
    await scene.resign(two);
    expect(await scene.renew(three)).toMatchObject({ state: 'leader', seat: 1, term: 2, fence: 2 });
    expect(await scene.renew(one)).toMatchObject({ state: 'leader', seat: 0, term: 1, fence: 1 });
    expect(await verdictOf(one)).toMatchObject({ valid: true, fence: 1, currentFence: 1 });
    expect(await verdictOf(two)).toMatchObject({ valid: false, reason: 'superseded', currentFence: 2 });
  });

  it('tells the seat in events and history', async () => {
    const { scene, two } = await twoSeats();
    const reader = await EventReader.open(caller, scene.name);
    await reader.until(1);
    await scene.resign(two);
    const [, lost, acquired] = await reader.until(3);
    reader.close();
    expect([lost?.data['seat'], acquired?.data['seat']]).toEqual([1, 1]);
    const terms = await scene.until('the history', async () => {
      const { body } = await caller.get(`${scene.path}/history?order=oldest`);
      const data = body['data'] as Standing[];
      return data.length === 3 && data;
    });
    expect(terms.map(({ seat, term, reason }) => [seat, term, reason])).toEqual([
      [0, 1, null],
      [1, 1, 'resigned'],
      [1, 2, null],
    ]);
  });

  it('hands over the seat that is named, and leaves the other alone', async () => {
    const { scene, one, two } = await twoSeats();
    const { body } = await scene.ask('transfer', { to: 'three', expectedTerm: 1, seat: 1 });
    expect(body).toMatchObject({ seat: 1, from: { candidate: 'two' } });
    expect(await scene.renew(one)).not.toHaveProperty('yieldByMs');
    await scene.stepDown(two);
    expect(await scene.leaders()).toEqual(['one', 'three']);
    const other = await scene.ask('step-down', { expectedTerm: 1, seat: 0 });
    expect(other.status).toBe(202);
    expect((await caller.get(`${scene.path}/hand-overs`)).body).toMatchObject({
      data: [
        { seat: 0, state: 'asked' },
        { seat: 1, state: 'done' },
      ],
    });
  });
});

describe('a change of seats', () => {
  it('upwards lets those lead who wait, at once', async () => {
    const { scene, three } = await twoSeats();
    expect((await scene.change({ seats: 3 })).body['seats']).toBe(3);
    expect(await scene.renew(three)).toMatchObject({ state: 'leader', seat: 2, term: 1 });
  });

  it('below what is led is refused and names the seats; nothing has changed', async () => {
    const { scene, one, two } = await twoSeats();
    const before = await scene.facts();
    const refused = await scene.change({ seats: 1, ttlMs: 2_000 });
    expect(refusal(refused)).toEqual([409, 'election.seats_in_use']);
    expect(refused.body['detail']).toContain('1');
    expect(await scene.facts()).toEqual(before);
    for (const standing of [one, two])
      expect(await scene.renew(standing)).toMatchObject({ state: 'leader', term: 1 });
  });

  it('with retireSeats asks the leaders of seats that are to go; they stand in the queue then', async () => {
    const { scene, one, two } = await twoSeats();
    expect((await scene.change({ seats: 1, retireSeats: true })).status).toBe(200);
    expect(await scene.renew(two)).toMatchObject({ state: 'leader', reason: 'seat_retired' });
    expect(await scene.leaders()).toEqual(['one', 'two']);
    expect(await scene.stepDown(two)).toMatchObject({ state: 'waiting', reason: 'seat_retired' });
    expect(await scene.leaders()).toEqual(['one']);
    expect(await scene.renew(one)).toMatchObject({ state: 'leader', term: 1 });
  });

  it('down and up again goes on above the fences that the seat has had', async () => {
    const { scene, two } = await twoSeats();
    await scene.change({ seats: 1, retireSeats: true });
    await scene.stepDown(two);
    await scene.change({ seats: 2 });
    expect((await caller.get(`${scene.path}/leader?seat=1`)).body).toMatchObject({ term: 2, fence: 2 });
  });
});

describe('a seat that does not exist', () => {
  it('is a precise refusal in queries and bodies', async () => {
    const { scene } = await twoSeats();
    for (const path of ['leader?seat=2', 'leader/check?candidate=one&seat=2']) {
      const answer = await caller.get(`${scene.path}/${path}`);
      expect(refusal(answer)).toEqual([400, 'request.invalid_query', 'seat']);
      expect(answer.body['detail']).toBe('seat: Must be below 2: the election has 2 seats.');
    }
    const redirect = await caller.get(`${scene.path}/leader/redirect`, { 'incumbent-seat': '2' });
    expect(refusal(redirect)).toEqual([400, 'request.invalid_header', 'incumbent-seat']);
    expect(refusal(await caller.get(`${scene.path}/leader?seat=32`))).toEqual([
      400,
      'request.invalid_query',
      'seat',
    ]);
    const before = await scene.facts();
    for (const seat of [2, 32, -1, '1'])
      expect(refusal(await scene.ask('depose', { expectedTerm: 1, seat }))).toEqual([
        400,
        'request.invalid_body',
        '/seat',
      ]);
    expect(await scene.facts()).toEqual(before);
  });
});
