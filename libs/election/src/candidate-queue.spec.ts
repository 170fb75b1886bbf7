import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { byQueueOrder, CandidateQueue } from './candidate-queue.js';
import type { Candidacy } from './state.js';

function candidacy(createRevision: number, order: number, health = 100): Candidacy {
  const candidateId = `cnd_${createRevision}_${order}`;
  const record = {
    ...{ name: candidateId, sessionId: 'ses_1', incarnation: 'i1', ttlMs: 1_000, order, health },
    joinedAt: '2026-01-01T00:00:00.000Z',
  };
  return { candidateId, createRevision, modRevision: createRevision, record };
}

const place = fc.tuple(fc.nat(9), fc.nat(3));
const step = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), place, health: fc.nat(100) }),
  fc.record({ kind: fc.constant('delete' as const), place, health: fc.constant(0) }),
);

describe('the queue of candidacies', () => {
  it('keeps queue order and tells every place, whatever comes, changes and goes in whatever order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new CandidateQueue();
        const model = new Map<string, Candidacy>();
        for (const { kind, place: where, health } of steps) {
          const one = candidacy(...where, health);
          if (kind === 'set') {
            queue.set(one);
            model.set(one.candidateId, one);
          } else {
            queue.delete(one.candidateId);
            model.delete(one.candidateId);
          }
        }
        const expected = [...model.values()].sort(byQueueOrder);
        expect([...queue.values()]).toEqual(expected);
        expect(queue.size).toBe(expected.length);
        expect(expected.map(({ candidateId }) => queue.ahead(candidateId))).toEqual(
          expected.map((_, i) => i),
        );
      }),
    );
  });

  it('knows no place of one that does not stand', () => {
    expect(new CandidateQueue().ahead('cnd_1')).toBeUndefined();
  });
});
