import type { Clock } from '#core';
import type { Sequencer } from '../sequencer.js';
import { seatLedBy } from '../state.js';
import type { View } from '../view.js';

/** One session may lead thousands of elections; the first of them tell the tenant what there is to know. */
const MOST_ELECTIONS = 8;
const WITHIN_MS = 2_000;

/**
 * Tells the tenant by an event that a leader's renewals hardly come in time, in the elections that its session leads.
 * Nobody waits for it: what fails is told again in an hour.
 */
export async function tellTooShort(
  { view, sequencer, clock }: { view: View; sequencer: Sequencer; clock: Clock },
  sessionId: string,
): Promise<void> {
  const session = view.sessions.get(sessionId);
  if (!session) return;
  const led = [...view.standing(sessionId).keys()].filter(
    (electionId) => seatLedBy(view.elections.get(electionId), sessionId) !== undefined,
  );
  const deadlineMs = clock.monotonicMs() + WITHIN_MS;
  const command = { kind: 'advise' as const, session: { sessionId, ...session.record } };
  const tellings = led.slice(0, MOST_ELECTIONS).map((electionId) => {
    const ref = { tenantId: session.record.tenantId, electionId };
    return sequencer.run(ref, command, { lane: 'campaign', deadlineMs });
  });
  await Promise.allSettled(tellings);
}
