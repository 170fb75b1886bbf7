import { expect, it } from '@jest/globals';
import { Replica } from '#election';
import { FakeClock, MemoryElectionStore, MemoryStoreData } from '#testing';

const secret = new Uint8Array(32).fill(7);

it('one of those that keep house does, and never a process that keeps none', async () => {
  const clock = new FakeClock();
  const data = new MemoryStoreData();
  const start = (processId: string, keepsHouse?: boolean): Promise<Replica> =>
    Replica.start({ store: new MemoryElectionStore(data), clock, processId, secret, keepsHouse });
  const workers = await Promise.all(['prc_w1', 'prc_w2', 'prc_w3'].map((id) => start(id, false)));
  await clock.advance(300);
  expect(workers.map((worker) => worker.isHousekeeper())).toEqual([false, false, false]);
  // Whichever way the hashes of these names fall among all of them, one of the two is it.
  const replicas = await Promise.all(['prc_a', 'prc_b'].map((id) => start(id)));
  await clock.advance(300);
  expect(replicas.filter((replica) => replica.isHousekeeper())).toHaveLength(1);
  expect(workers.some((worker) => worker.isHousekeeper())).toBe(false);
  const [keeper] = replicas.filter((replica) => replica.isHousekeeper());
  const [other] = replicas.filter((replica) => !replica.isHousekeeper());
  await keeper?.close();
  await clock.advance(1_000);
  expect(other?.isHousekeeper()).toBe(true);
  await Promise.all([...workers, ...(other ? [other] : [])].map((replica) => replica.close()));
});
