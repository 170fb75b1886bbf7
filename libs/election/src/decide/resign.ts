import { isStandalone } from '../records.js';
import { ONLY_SEAT } from '../state.js';
import type { Decider, ResignCommand } from './commands.js';
import { type Draft, participantOf } from './draft.js';
import { endTerm, fillSeat, leaveVacant } from './term.js';

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
  if (!candidacy || !own)
    return draft.situation.fresh ? { kind: 'done', done: { kind: 'resigned' } } : { kind: 'lookAgain' };

  const leader = draft.leader(ONLY_SEAT);
  draft.removeCandidacy(candidacy);
  endSessionWithLastCandidacy(draft, sessionId);
  if (leader?.candidateId === command.candidateId) {
    const by = leader.withheld?.by ?? participantOf(command.candidateId, candidacy.record.name);
    draft.onBehalfOf(by, () => {
      endTerm(draft, ONLY_SEAT, leader.withheld?.reason ?? 'resigned');
      if (!fillSeat(draft, ONLY_SEAT)) leaveVacant(draft, ONLY_SEAT, leader);
    });
  } else {
    // The leader's resignation must not install a waiter that has just left.
    draft.guardLeader(ONLY_SEAT);
  }
  return { kind: 'done', done: { kind: 'resigned' } };
};

/**
 * A session made by campaign ends with its last candidacy; a standalone one does not. Guarded by its exact revision:
 * a campaign elsewhere rewrites the session, and ending it then would end a term that its leader still believes in.
 * Where it cannot be said in which elections the session stands it is left to expire.
 */
function endSessionWithLastCandidacy(draft: Draft, sessionId: string): void {
  const sight = draft.situation.session(sessionId);
  const standsIn = draft.situation.standsIn(sessionId);
  if (typeof sight === 'string' || isStandalone(sight.record)) return;
  if (!standsIn || draft.sessionWritten(sessionId) !== undefined) return;
  for (const electionId of standsIn) if (electionId !== draft.ref.electionId) return;
  draft.guardSession(sessionId, { revision: sight.modRevision });
  draft.deleteSession(sessionId);
}
