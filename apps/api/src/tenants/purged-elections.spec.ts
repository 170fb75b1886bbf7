import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '#core';
import { encode, keys, Replica } from '#election';
import { createLogger } from '#telemetry';
import { FakeClock, MemoryElectionStore, waitUntil } from '#testing';
import { PurgedElections } from './purged-elections.js';

const logger = createLogger({ service: 'test', level: 'silent' });
const settings = { policy: 'fifo' as const, ttlMs: 1_000, maxTtlMs: 1_000 };
const bounds = () => ({
  receivedAtMs: systemClock.monotonicMs(),
  deadlineMs: systemClock.monotonicMs() + 1_000,
});

let replica: Replica;
afterEach(() => replica?.close());

describe('elections of purged tenants', () => {
  it('are closed, those of tenants that may still be restored are not', async () => {
    const store = new MemoryElectionStore();
    const options = { store, clock: systemClock, processId: 'prc_1', secret: new Uint8Array(32) };
    replica = await Replica.start(options);
    await waitUntil(() => replica.isHousekeeper(), { what: 'the replica to keep house' });
    const { management, view, directory } = replica;
    const tenants = { ten_purged: { purged: true }, ten_deleting: {} };
    for (const [tenantId, more] of Object.entries(tenants)) {
      await management.create({ tenantId, election: 'billing' }, settings, 10, bounds());
      const value = encode({ status: 'deleted', maxCandidatesPerElection: 10, ...more });
      const write = { kind: 'put' as const, key: keys.tenant(tenantId), value };
      const own = { lane: 'admin' as const, tenantId, deadlineMs: bounds().deadlineMs };
      await store.commit({ guards: [], writes: [write], reads: [] }, own);
    }
    await waitUntil(() => directory.tenant('ten_deleting'), { what: 'both tenants to be seen' });
    const clock = new FakeClock();
    const closing = new PurgedElections({ known: replica }, logger, clock);
    closing.start();
    await clock.advance(60_000);
    const states = () =>
      Object.fromEntries(
        [...view.elections.values()].map(({ ref, config }) => [ref.tenantId, config?.record.state]),
      );
    await waitUntil(() => states()['ten_purged'] === 'closed', { what: 'the election to be closed' });
    expect(states()).toEqual({ ten_purged: 'closed', ten_deleting: 'open' });
    await closing.close();
  });
});
