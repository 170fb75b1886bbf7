/**
 * Decide, then commit: from what a replica knows of an election and the commands that wait for it, one transition
 * that does them all, with guards for everything the decision rests on. Pure: the same situation and commands
 * give the same transition. A wrong guess about the store only makes a guard fail.
 */
import type { Situation } from '../state.js';
import { campaign } from './campaign.js';
import type { Command, Verdict } from './commands.js';
import { Draft } from './draft.js';
import { resign } from './resign.js';
import { advise } from './advise.js';
import { conduct } from './conduct.js';
import { cancelHandOver, handOver } from './hand-over.js';
import { appraise, report } from './qualities.js';
import { replace, settle } from './settle.js';
import { change, create, remove } from './settings.js';
import { stepDown } from './step-down.js';

export interface Decision {
  draft: Draft;
  /** One for each command that was taken, in order; the commands after them wait for the next transition. */
  verdicts: Verdict[];
  /** A verdict needs a fresher situation than this one; nothing of the decision may be used. */
  lookAgain: boolean;
}

/** @param at wall-clock time for the records, RFC 3339 */
export function decide(situation: Situation, commands: readonly Command[], at: string): Decision {
  let draft = new Draft(situation, at);
  const verdicts: Verdict[] = [];
  for (const command of commands) {
    const attempt = draft.copy();
    const verdict = run(attempt, command);
    const certain = verdict.kind === 'done' || (verdict.kind === 'refused' && situation.fresh);
    if (!certain) return { draft, verdicts, lookAgain: true };
    if (verdict.kind === 'done') {
      // The first command is taken whatever its size: alone it cannot get smaller.
      if (!attempt.fits && verdicts.length > 0) break;
      draft = attempt;
    }
    verdicts.push(verdict);
  }
  return { draft, verdicts, lookAgain: false };
}

function run(draft: Draft, command: Command): Verdict {
  switch (command.kind) {
    case 'campaign':
      return campaign(draft, command);
    case 'resign':
      return resign(draft, command);
    case 'stepDown':
      return stepDown(draft, command);
    case 'report':
      return report(draft, command);
    case 'advise':
      return advise(draft, command);
    case 'appraise':
      return appraise(draft, command);
    case 'conduct':
      return conduct(draft, command);
    case 'handOver':
      return handOver(draft, command);
    case 'cancelHandOver':
      return cancelHandOver(draft, command);
    case 'settle':
      return settle(draft, command);
    case 'replace':
      return replace(draft, command);
    case 'create':
      return create(draft, command);
    case 'change':
      return change(draft, command);
    case 'remove':
      return remove(draft, command);
  }
}
