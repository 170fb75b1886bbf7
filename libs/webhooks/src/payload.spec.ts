import { describe, expect, it } from '@jest/globals';
import type { EventRecord } from '#election';
import { payloadOf } from './payload.js';

const event: EventRecord = {
  id: 'evt_1',
  type: 'leadership.lost',
  tenantId: 'ten_1',
  electionId: 'elc_1',
  election: 'billing',
  seat: 2,
  epoch: 0,
  sequence: 9,
  term: 4,
  fence: 4,
  leader: null,
  previousLeader: { name: 'one', candidateId: 'cnd_1' },
  reason: 'transferred',
  handOverId: 'hov_1',
  occurredAt: '2026-11-21T09:30:00.000Z',
};

describe('the payload of an event', () => {
  it('tells the seat, and the hand-over that it belongs to', () => {
    expect(payloadOf(event).data).toMatchObject({ seat: 2, reason: 'transferred', handOverId: 'hov_1' });
  });

  it('tells of no hand-over where there was none', () => {
    const { handOverId: _, ...other } = event;
    expect(payloadOf(other).data).not.toHaveProperty('handOverId');
  });
});
