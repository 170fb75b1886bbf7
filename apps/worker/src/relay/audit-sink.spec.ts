import { describe, expect, it } from '@jest/globals';
import type { EventRecord } from '#election';
import { actOf } from './audit-sink.js';

const LOST: EventRecord = {
  id: 'evt_1',
  type: 'leadership.lost',
  tenantId: 'ten_1',
  electionId: 'ele_1',
  election: 'shards',
  seat: 2,
  epoch: 0,
  sequence: 9,
  term: 4,
  fence: 4,
  leader: null,
  previousLeader: { name: 'one', candidateId: 'cnd_1' },
  reason: 'expired',
  occurredAt: '2026-11-21T09:30:00.000Z',
};

describe('the record of a change of leadership', () => {
  it('tells which seat it was, whose, and why', () => {
    expect(actOf(LOST)).toMatchObject({
      action: 'leadership.lost',
      targets: [{ type: 'election', id: 'ele_1', name: 'shards' }],
      metadata: { seat: 2, term: 4, fence: 4, candidate: 'one', candidateId: 'cnd_1', reason: 'expired' },
    });
  });

  it('is the same each time that the event is told', () => {
    expect(actOf(LOST)).toEqual(actOf({ ...LOST }));
  });
});
