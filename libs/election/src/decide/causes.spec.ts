import { describe, expect, it } from '@jest/globals';
import { type Act, systemClock } from '#core';
import { createElection, MemoryElectionStore, MemoryStoreData, Participant } from '#testing';
import { electionRef, keys } from '../keys.js';
import { decode, type EventRecord } from '../records.js';
import { Replica } from '../replica.js';

const REF = electionRef('ten_a', 'billing');
const TARGET = { tenantId: 'ten_a', election: 'billing' };
const CAUSED = {
  actor: { type: 'api_key' as const, id: 'key_1' },
  context: { requestId: 'req_1', ip: '192.0.2.1' },
};

async function scene() {
  const data = new MemoryStoreData();
  const store = new MemoryElectionStore(data);
  const secret = new Uint8Array(32).fill(1);
  const replica = await Replica.start({ store, clock: systemClock, processId: 'prc_1', secret });
  await createElection(replica, systemClock, { ttlMs: 60_000 });
  const events = (): EventRecord[] =>
    data.read({ kind: 'prefix', prefix: keys.events(REF) }).map(({ value }) => decode<EventRecord>(value));
  const acts = (): Act[] =>
    data
      .read({ kind: 'prefix', prefix: keys.act('ten_a', '') })
      .sort((a, b) => a.modRevision - b.modRevision)
      .map(({ value }) => decode<Act>(value));
  const stand = (name: string): Participant => new Participant(name, { clock: systemClock });
  const bounds = () => ({ ...stand('x').bounds(), caused: CAUSED });
  return { replica, events, acts, stand, bounds };
}

describe('every change', () => {
  it('of a participant is told as its own, the succession that it causes included', async () => {
    const { replica, events, stand } = await scene();
    const [a, b] = [stand('a'), stand('b')];
    await a.campaign(replica);
    await b.campaign(replica);
    await a.resign(replica);
    const byA = { type: 'participant', id: a.standing?.candidateId, name: 'a' };
    expect(events().map(({ type, by }) => [type, by])).toEqual([
      ['leadership.acquired', byA],
      ['leadership.lost', byA],
      ['leadership.acquired', byA],
    ]);
    await replica.close();
  });

  it('that an operator causes is told as the operator’s, also when the leader acknowledges it', async () => {
    const { replica, events, stand, bounds } = await scene();
    const a = stand('a');
    await a.campaign(replica);
    await replica.management.change(TARGET, { state: 'paused' }, bounds());
    await a.resign(replica);
    expect(events().map(({ type, reason, by }) => [type, reason, by?.type])).toEqual([
      ['leadership.acquired', undefined, 'participant'],
      ['leadership.lost', 'paused', 'api_key'],
      ['election.vacant', 'paused', 'api_key'],
    ]);
    await replica.close();
  });

  it('of the settings leaves an act in the same transition, with what changed and on whose behalf', async () => {
    const { replica, acts, bounds } = await scene();
    await replica.management.change(TARGET, { ttlMs: 5_000, state: 'paused' }, bounds());
    await replica.management.remove(TARGET, bounds());
    const [created, changed, deleted] = acts();
    expect(created).toMatchObject({ action: 'election.created', actor: { type: 'system' } });
    expect(changed).toMatchObject({
      ...CAUSED,
      tenantId: 'ten_a',
      action: 'election.changed',
      targets: [{ type: 'election', id: REF.electionId, name: 'billing' }],
      metadata: { changed: { ttlMs: { from: 60_000, to: 5_000 }, state: { from: 'open', to: 'paused' } } },
    });
    expect(deleted).toMatchObject({ ...CAUSED, action: 'election.deleted' });
    expect(acts()).toHaveLength(3);
    await replica.close();
  });

  it('that holds a candidate back has the reason that the operator gave', async () => {
    const { replica, acts, bounds } = await scene();
    await replica.management.holdBack({ ...TARGET, candidate: 'a', why: 'writes garbage' }, false, bounds());
    await replica.management.holdBack({ ...TARGET, candidate: 'b' }, false, bounds());
    expect(acts().map(({ metadata }) => metadata)).toEqual([
      expect.anything(),
      { candidate: 'a', reason: 'writes garbage' },
      { candidate: 'b' },
    ]);
    await replica.close();
  });

  it('that is refused leaves no act', async () => {
    const { replica, acts, bounds } = await scene();
    const stale = replica.management.change(TARGET, { ttlMs: 5_000 }, bounds(), '1');
    await expect(stale).rejects.toMatchObject({ code: 'request.precondition_failed' });
    expect(acts()).toHaveLength(1);
    await replica.close();
  });
});
