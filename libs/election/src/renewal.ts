/**
 * The transition by which a session is renewed (rule 5). Guard: its record has exactly the value that the token
 * describes; write: the same value. Nothing is looked up before the commit.
 */
import { hasCode } from '#core';
import { keys } from './keys.js';
import { encodeSession } from './records.js';
import { expired, outcomeUnknown } from './refusals.js';
import type { SessionIdentity } from './session-token.js';
import type { CommitOptions, ElectionStore, Outcome, Read } from './store.js';

/** Each attempt follows a timeout of its own, so the deadline of the call is over long before. */
const MOST_ATTEMPTS = 5;

export type Renewed = Extract<Outcome, { kind: 'committed' }>;

/**
 * Renews and reads in one transition. One whose outcome is unknown is simply carried out again: it is its own repeat.
 * @throws IncumbentError session.expired, store.unavailable, store.overloaded
 */
export async function renewSession(
  store: ElectionStore,
  session: SessionIdentity,
  reads: readonly Read[],
  options: CommitOptions,
): Promise<Renewed> {
  const key = keys.session(session.sessionId);
  const value = encodeSession(session);
  const transition = {
    guards: [{ kind: 'value' as const, key, value }],
    writes: [{ kind: 'put' as const, key, value }],
    reads,
  };
  let inDoubt = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const outcome = await store.commit(transition, options);
      if (outcome.kind === 'committed') return outcome;
      if (outcome.kind === 'refused') throw expired();
      if (attempt >= MOST_ATTEMPTS) throw outcomeUnknown();
      inDoubt = true;
    } catch (error) {
      throw inDoubt && hasCode(error, 'store.unavailable') ? outcomeUnknown(error) : error;
    }
  }
}
