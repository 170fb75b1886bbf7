import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Caller } from '../caller.js';
import { EventReader } from '../events/event-reader.js';
import { Service } from '../service.js';
import { refusal, Scene, type Standing } from './scene.js';

let service: Service;
let caller: Caller;

beforeAll(async () => {
  service = await Service.start();
  ({ caller } = await service.tenant());
}, 60_000);

afterAll(() => service?.stop());

const seatOf = async (scene: Scene): Promise<Standing> =>
  ((await scene.status())['seats'] as Standing[])[0] ?? {};

describe('takeoverDelayMs', () => {
  it('keeps the seat of a crashed leader vacant for others until the end that the status shows', async () => {
    const scene = await Scene.open(caller, { takeoverDelayMs: 1_500 });
    await scene.stand('one', { ttlMs: 1_000 });
    const two = await scene.stand('two');
    await scene.untilLed(null);
    const { takeoverAt, lastTerm } = await seatOf(scene);
    const { endedAt } = lastTerm as { endedAt: string };
    expect(Date.parse(String(takeoverAt)) - Date.parse(endedAt)).toBe(1_500);
    expect(await scene.renew(two)).toMatchObject({ state: 'waiting' });
    await scene.untilTold(two, { state: 'leader', term: 2 });
    const { since } = (await seatOf(scene))['lastTerm'] as { since: string };
    expect(Date.parse(since) - Date.parse(endedAt)).toBeGreaterThanOrEqual(1_400);
  });

  it('lets the candidate that lost the seat have it within the delay, before those who wait', async () => {
    const scene = await Scene.open(caller, { takeoverDelayMs: 60_000 });
    await scene.stand('one', { ttlMs: 1_000 });
    await scene.stand('two');
    await scene.untilLed(null);
    expect(await scene.stand('three')).toMatchObject({ state: 'waiting' });
    expect(await scene.stand('one')).toMatchObject({ state: 'leader', term: 2 });
    expect(await seatOf(scene)).not.toHaveProperty('takeoverAt');
  });

  it('delays nothing after a resign', async () => {
    const scene = await Scene.open(caller, { takeoverDelayMs: 60_000 });
    const one = await scene.stand('one');
    await scene.stand('two');
    await scene.resign(one);
    expect(await scene.leaders()).toEqual(['two']);
  });
});

describe('minTermMs', () => {
  it('lets a leader keep its term so long, whoever wants it', async () => {
    const scene = await Scene.open(caller, { policy: 'priority', preemption: true, minTermMs: 1_500 });
    const one = await scene.stand('one');
    const { electedAt } = one['leader'] as { electedAt: string };
    await scene.stand('two', { priority: 1 });
    expect(await scene.renew(one)).not.toHaveProperty('reason');
    await scene.untilTold(one, { reason: 'preempted' });
    const { yielding } = (await seatOf(scene)) as { yielding: { since: string } };
    expect(Date.parse(yielding.since) - Date.parse(electedAt)).toBeGreaterThanOrEqual(1_400);
  });
});

describe('short terms', () => {
  const strict = { shortTermMs: 60_000, backoffMs: 1_000 };

  it('hold their candidate back for a while that doubles and is shown, though nobody else leads', async () => {
    const scene = await Scene.open(caller, strict);
    let one = await scene.stand('one');
    for (const [shortTerms, backoffMs] of [
      [1, 1_000],
      [2, 2_000],
    ] as const) {
      await scene.untilTold(one, { state: 'leader' });
      await scene.resign(one, { failed: true });
      one = await scene.stand('one');
      expect(one['state']).toBe('waiting');
      const [shown] = await scene.candidates();
      const { since, until } = shown?.['heldBack'] as { since: string; until: string };
      expect(shown).toMatchObject({ state: 'waiting', heldBack: { shortTerms } });
      expect(Date.parse(until) - Date.parse(since)).toBe(backoffMs);
      expect((await scene.status())['heldBack']).toMatchObject([{ candidate: 'one', shortTerms }]);
    }
  });

  it('that end with a plain resign count against nobody', async () => {
    const scene = await Scene.open(caller, strict);
    await scene.resign(await scene.stand('one'));
    expect(await scene.stand('one')).toMatchObject({ state: 'leader', term: 2 });
  });

  it('several times in a row put their candidate into quarantine, with an event, until it is lifted', async () => {
    const scene = await Scene.open(caller, { shortTermMs: 60_000, quarantineAfter: 2 });
    const reader = await EventReader.open(caller, scene.name);
    for (let term = 1; term <= 2; term += 1) await scene.resign(await scene.stand('one'), { failed: true });
    const one = await scene.stand('one');
    expect(one['state']).toBe('waiting');
    expect(await scene.status()).toMatchObject({
      heldBack: [{ candidate: 'one', shortTerms: 2, until: null }],
    });
    await scene.until('the event', async () =>
      reader.events.some(({ event }) => event === 'election.unstable'),
    );
    reader.close();
    const told = reader.events.find(({ event }) => event === 'election.unstable');
    expect(told?.data).toMatchObject({ reason: 'flapping', previousLeader: { candidate: 'one' } });
    const lifted = await caller.delete(`${scene.path}/candidates/one/quarantine`);
    expect(lifted.status).toBe(204);
    await scene.untilTold(one, { state: 'leader', term: 3 });
    expect((await scene.status())['heldBack']).toEqual([]);
  });
});

describe('a quarantine by an operator', () => {
  const quarantine = (scene: Scene, name: string) =>
    caller.send('PUT', `${scene.path}/candidates/${name}/quarantine`);

  it('asks its candidate to step down if it leads, and keeps it from being elected, also when it stands anew', async () => {
    const scene = await Scene.open(caller);
    const one = await scene.stand('one');
    expect((await quarantine(scene, 'one')).status).toBe(204);
    await scene.untilTold(one, { state: 'leader', reason: 'quarantined' });
    await scene.stepDown(one);
    expect(await scene.leaders()).toEqual([null]);
    const again = await scene.stand('one');
    expect(again['state']).toBe('waiting');
    expect(await scene.stand('two')).toMatchObject({ state: 'leader' });
  });

  it('can be laid on a name that does not stand, repeated, and lifted once', async () => {
    const scene = await Scene.open(caller);
    for (let time = 1; time <= 2; time += 1) expect((await quarantine(scene, 'one')).status).toBe(204);
    expect((await scene.stand('one'))['state']).toBe('waiting');
    const path = `${scene.path}/candidates/one/quarantine`;
    expect((await caller.delete(path)).status).toBe(204);
    await scene.untilLed('one');
    const before = await scene.facts();
    expect(refusal(await caller.delete(path))).toEqual([409, 'candidate.not_held_back']);
    expect(await scene.facts()).toEqual(before);
  });

  it('takes a reason for the record, and refuses what it does not know', async () => {
    const { path } = await Scene.open(caller);
    const lay = (body: object) =>
      caller.send('PUT', `${path}/candidates/one/quarantine`, {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect(refusal(await lay({ why: 'x' }))).toEqual([400, 'request.invalid_body', '/why']);
    expect(refusal(await lay({ reason: '' }))).toEqual([400, 'request.invalid_body', '/reason']);
    expect((await lay({ reason: 'writes garbage' })).status).toBe(204);
  });

  it('needs the scope elections:manage and an election that exists', async () => {
    const scene = await Scene.open(caller);
    const other = (await service.tenant({ scopes: ['elections:read', 'elections:campaign'] })).caller;
    expect(refusal(await other.send('PUT', `${scene.path}/candidates/one/quarantine`))).toEqual([
      403,
      'identity.scope_missing',
    ]);
    expect(refusal(await caller.send('PUT', '/v1/elections/nothing/candidates/one/quarantine'))).toEqual([
      404,
      'election.not_found',
    ]);
  });
});

describe('a pause', () => {
  it('with a hand-over under way ends the term, appoints nobody, and opening gives the seat to the next', async () => {
    const scene = await Scene.open(caller);
    const one = await scene.stand('one');
    const two = await scene.stand('two');
    await scene.ask('transfer', { to: 'two', expectedTerm: 1 });
    await scene.change({ state: 'paused' });
    expect(await scene.renew(one)).toMatchObject({ state: 'yielding', reason: 'paused' });
    await scene.stepDown(one);
    expect(await scene.leaders()).toEqual([null]);
    await scene.change({ state: 'open' });
    await scene.untilTold(two, { state: 'leader', term: 2 });
  });
});
