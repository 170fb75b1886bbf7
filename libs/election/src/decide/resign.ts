import type { Decider, ResignCommand } from './commands.js';
import { participantOf } from './draft.js';
import { endSessionWithLastCandidacy } from './session.js';
import { markOf, succeed } from './term.js';

/**
 * Leave, leading or waiting. A leader's resignation installs its successor in the same transition: one commit, no
 * vacancy. It names the candidateId, so a late duplicate finds another one and changes nothing. The leader of a
 * withheld term acknowledges with it that its grants are over.
 */
export const resign: Decider<ResignCommand> = (draft, command) => {
  const candidacy = draft.candidacy(command.candidateId);
  const { sessionId, incarnation } = command.session;
  const own = candidacy?.record.sessionId === sessionId && candidacy.record.incarnation === incarnation;
  // The stand may be younger than this view: only a fresh situation can say that there is nothing to resign.
  if (!own || !candidacy)
    return draft.situation.fresh ? { kind: 'done', done: { kind: 'resigned' } } : { kind: 'lookAgain' };

  const seat = draft.seatOf(command.candidateId);
  const leader = seat === undefined ? null : draft.leader(seat);
  if (seat !== undefined && leader) {
    const mark = markOf(leader);
    draft.onBehalfOf(mark?.by ?? participantOf(command.candidateId, candidacy.record.name), () =>
      succeed(draft, seat, leader, {
        reason: mark?.reason ?? 'resigned',
        acknowledged: true,
        failed: command.failed === true,
        leader: 'goes',
      }),
    );
  } else {
    draft.removeCandidacy(candidacy);
    // A leader's resignation must not install a waiter that has just left.
    draft.guardSeats();
  }
  endSessionWithLastCandidacy(draft, sessionId);
  return { kind: 'done', done: { kind: 'resigned' } };
};
