import { systemClock, toTimestamp } from '#core';
import type { LedTerm, OpenSession, RenewedSession } from '#election';

/** Spells the engine's answers on sessions as the contract does. Undefined fields vanish in JSON. */

const now = (): string => toTimestamp(systemClock.wallTimeMs());

export function showSession({ session, ttlMs, renewAfterMs, validForMs }: OpenSession) {
  return { session, ttlMs, renewAfterMs, validForMs, serverTime: now() };
}

/** @param tokens the fencing token of each term, in the order of the terms */
export function showRenewed(renewed: RenewedSession, tokens: readonly (string | undefined)[]) {
  return {
    ...showSession(renewed),
    terms: renewed.terms.map((led, at) => showTerm(led, tokens[at])),
    candidacies: renewed.candidacies,
  };
}

function showTerm(led: LedTerm, fencingToken: string | undefined) {
  const { election, candidate, candidateId, seat, state, leader, grant } = led;
  return {
    election,
    candidate,
    candidateId,
    seat,
    state,
    term: leader?.term,
    fence: leader?.fence,
    fencingToken,
    validForMs: grant?.validForMs,
    reason: led.reason,
    yieldByMs: led.yieldByMs,
  };
}

export function showEnded() {
  return { state: 'ended', serverTime: now() };
}
