/** What every operator's call on an election needs: its record, its lane, the election itself. */
import { newId } from '#core';
import type { CallBounds, ManagementBounds } from './answers.js';
import { ENGINE, type PlannedAct } from './decide/draft.js';
import type { ElectionRef } from './keys.js';
import type { ConfigRecord } from './records.js';
import { unknownElection } from './refusals.js';
import type { ElectionState } from './state.js';

/** @throws IncumbentError election.not_found */
export function existing(election: ElectionState): ConfigRecord {
  const config = election.config?.record;
  if (config && config.state !== 'closed') return config;
  throw unknownElection();
}

/** What goes on record of an operator's act on an election. */
export function actOn(
  action: string,
  ref: ElectionRef,
  name: string,
  { caused }: ManagementBounds,
): PlannedAct {
  const { actor, context } = caused ?? { actor: ENGINE, context: {} };
  const targets = [{ type: 'election' as const, id: ref.electionId, name }];
  return { id: newId('aud'), action, actor, targets, context };
}

export function adminLane(bounds: CallBounds): { lane: 'admin'; deadlineMs: number } {
  return { lane: 'admin', deadlineMs: bounds.deadlineMs };
}
