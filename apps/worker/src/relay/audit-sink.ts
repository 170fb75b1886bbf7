import { type Act, type ActTarget, derivedId } from '#core';
import type { EventRecord } from '#election';
import type { ActLog, EntityManager } from '#postgres';
import type { Sink } from './sink.js';

/** Puts on record who came to lead and who ceased to, and the acts on elections that wait in the outbox. */
export class AuditSink implements Sink {
  constructor(private readonly log: ActLog) {}

  async append(rows: EntityManager, events: readonly EventRecord[], acts: readonly Act[]): Promise<void> {
    const changes = events.filter(({ type }) => type !== 'election.vacant').map(actOf);
    const all = [...acts, ...changes].sort((a, b) => compare(a.occurredAt, b.occurredAt));
    if (all.length > 0) await this.log.record(rows, all);
  }
}

/** The act that an event tells of; the same event always gives the same act. */
export function actOf(event: EventRecord): Act {
  const { tenantId, electionId, election, type, seat, term, fence, reason, occurredAt } = event;
  const who = event.leader ?? event.previousLeader;
  const target: ActTarget = { type: 'election', id: electionId, name: election };
  return {
    id: derivedId('aud', event.id),
    tenantId,
    action: type,
    actor: event.by ?? { type: 'system', id: 'engine' },
    targets: [target],
    context: {},
    metadata: {
      seat,
      term,
      fence,
      ...(who && { candidate: who.name, candidateId: who.candidateId }),
      ...(reason && { reason }),
    },
    occurredAt,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
