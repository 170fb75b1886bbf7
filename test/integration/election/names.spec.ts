import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Rig, soon } from './rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => rig.clear());
afterAll(async () => rig.close());

describe('a name that is a prefix of another', () => {
  const cases = [
    { of: 'an election', short: { election: 'job' }, long: { election: 'job.nightly' } },
    { of: 'an election, by one letter', short: { election: 'job' }, long: { election: 'job1' } },
    { of: 'a tenant id', short: { tenantId: 'ten_a' }, long: { tenantId: 'ten_ab' } },
  ];

  it.each(cases)('of $of keeps leaders, queues and deletion apart', async ({ short, long }) => {
    const on = await rig.replica();
    await rig.election(on, short);
    await rig.election(on, long);
    const [a, b] = [rig.participant('a', short), rig.participant('a', long)];
    expect(await a.campaign(on.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    expect(await b.campaign(on.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    const shorter = { tenantId: a.tenantId, election: a.election };
    const longer = { tenantId: b.tenantId, election: b.election };
    const { data } = await on.replica.management.candidates(shorter, soon(), { limit: 10 });
    expect(data.map(({ candidateId }) => candidateId)).toEqual([a.standing?.candidateId]);
    await a.resign(on.replica);
    expect(await on.replica.management.remove(shorter, soon())).toBe('closed');
    expect(await b.renew(on.replica)).toMatchObject({ state: 'leader', grant: { term: 1 } });
    expect(await on.replica.management.status(longer, soon())).toMatchObject({ candidateCount: 1, term: 1 });
    await expect(on.replica.management.get(shorter, soon())).rejects.toMatchObject({
      code: 'election.not_found',
    });
  });

  it('of a tenant id lists only the tenant its own elections', async () => {
    const on = await rig.replica();
    await rig.election(on, { tenantId: 'ten_a', election: 'mine' });
    await rig.election(on, { tenantId: 'ten_ab', election: 'theirs' });
    const names = (tenantId: string): string[] =>
      on.replica.management.list(tenantId, { limit: 10 }).data.map(({ name }) => name);
    expect([names('ten_a'), names('ten_ab')]).toEqual([['mine'], ['theirs']]);
  });

  it('of a candidate lets both stand in one election', async () => {
    const on = await rig.replica();
    await rig.election(on);
    const [a, b] = [rig.participant('worker'), rig.participant('worker-1')];
    expect(await a.campaign(on.replica)).toMatchObject({ state: 'leader' });
    expect(await b.campaign(on.replica)).toMatchObject({ state: 'waiting', position: 1 });
    await a.resign(on.replica);
    expect(await b.renew(on.replica)).toMatchObject({ state: 'leader', grant: { term: 2 } });
  });
});
