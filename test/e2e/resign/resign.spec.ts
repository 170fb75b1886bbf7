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

const leaderOf = async (election: string) => (await caller.get(`/v1/elections/${election}/leader`)).body;

describe('resign', () => {
  it('of the leader installs the next in line with the same commit', async () => {
    const election = await caller.election();
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    const { body: second } = await caller.campaign(election, { candidate: 'two', address: 'http://two' });
    const { status, body } = await caller.resign(election, leader);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      election,
      state: 'out',
      successor: {
        candidate: 'two',
        candidateId: second['candidateId'],
        address: 'http://two',
        term: 2,
        fence: 2,
      },
    });
    expect(await leaderOf(election)).toMatchObject({ leader: { candidate: 'two' }, term: 2 });
  });

  it('of the only candidate leaves a vacancy with the last term and fence', async () => {
    const election = await caller.election();
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    const { body } = await caller.resign(election, leader);
    expect(body).not.toHaveProperty('successor');
    expect(await leaderOf(election)).toMatchObject({ leader: null, term: 1, fence: 1 });
  });

  it('of a waiting candidate takes it out of the queue and moves no leader', async () => {
    const election = await caller.election();
    await caller.campaign(election, { candidate: 'one' });
    const { body: second } = await caller.campaign(election, { candidate: 'two' });
    const { body: third } = await caller.campaign(election, { candidate: 'three' });
    expect((await caller.resign(election, second)).status).toBe(200);
    expect((await caller.renew(election, third['session'])).body).toMatchObject({
      state: 'waiting',
      position: 1,
    });
    expect(await leaderOf(election)).toMatchObject({ leader: { candidate: 'one' }, term: 1 });
  });

  it('answers the same when repeated, also after its session is gone', async () => {
    const election = await caller.election();
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    const answers = [await caller.resign(election, leader), await caller.resign(election, leader)];
    expect(answers.map(({ status, body }) => [status, body['state']])).toEqual([
      [200, 'out'],
      [200, 'out'],
    ]);
  });

  it('that comes late, after a new stand of the same name, changes nothing', async () => {
    const election = await caller.election();
    const headers = { 'idempotency-key': 'stand-1' };
    const { body: first } = await caller.campaign(election, { candidate: 'one' }, headers);
    await caller.resign(election, first);
    const { body: again } = await caller.campaign(election, { candidate: 'one' }, headers);
    expect(again['candidateId']).not.toBe(first['candidateId']);
    expect((await caller.resign(election, first)).status).toBe(200);
    expect((await caller.renew(election, again['session'])).body).toMatchObject({ state: 'leader', term: 2 });
  });

  it("with another tenant's session is refused and moves nobody", async () => {
    const election = await caller.election();
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    const other = await service.tenant();
    await other.caller.election({ name: election });
    const refused = await other.caller.resign(election, leader);
    expect([refused.status, refused.body['code']]).toEqual([404, 'session.unknown']);
    expect((await caller.renew(election, leader['session'])).body['state']).toBe('leader');
  });
});
