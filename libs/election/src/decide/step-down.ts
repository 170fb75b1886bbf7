import { expired } from '../refusals.js';
import type { Decider, StepDownCommand } from './commands.js';
import { participantOf } from './draft.js';
import { notFound } from './refusals.js';
import { writeSession } from './session.js';
import { fateOf, markOf, succeed } from './term.js';

/**
 * The leader ends its own term and queues anew, with a new candidateId at the end of the queue: as its own wish, or
 * as the acknowledgement of what it was asked for. The successor leads by the same transition. A repeat finds the
 * new candidacy and changes nothing but the session, which every answer that may grant has to rewrite (rule 4).
 */
export const stepDown: Decider<StepDownCommand> = (draft, command) => {
  const { session } = command;
  if (!draft.config || draft.config.state === 'closed') return notFound();
  const candidacy = draft.candidacyOfSession(session.sessionId);
  const own = candidacy?.record.incarnation === session.incarnation;
  if (!own && !draft.situation.fresh) return { kind: 'lookAgain' };
  if (!draft.seemsAlive({ record: session })) return { kind: 'refused', error: expired() };
  writeSession(draft, session);
  const seat = own ? draft.seatOf(candidacy.candidateId) : undefined;
  const leader = seat === undefined ? null : draft.leader(seat);
  if (seat !== undefined && leader && leader.candidateId === command.candidateId) {
    const mark = markOf(leader);
    const reason = mark?.reason ?? 'stepped_down';
    const by = mark?.by ?? participantOf(leader.candidateId, leader.name);
    draft.onBehalfOf(by, () =>
      succeed(draft, seat, leader, { reason, acknowledged: true, leader: fateOf(reason) }),
    );
  } else draft.readLeader(seat ?? 0);
  const candidateId = draft.candidacyOfSession(session.sessionId)?.candidateId;
  return {
    kind: 'done',
    done: { kind: 'standing', session, ...(candidateId !== undefined && { candidateId }) },
  };
};
