import { IncumbentError } from '#core';
import { type CallBounds, keys } from '#election';
import type { Engine } from '#etcd';

/** For the view to show what the store has just said; a watch is rarely 5 ms behind. */
const CATCH_UP_MS = 500;

/**
 * In how many elections of the tenant somebody leads, counting everything that was committed before this call.
 * Somebody may be elected right after.
 * @throws IncumbentError store.unavailable
 */
export async function countLeaders(engine: Engine, tenantId: string, bounds: CallBounds): Promise<number> {
  const { view } = engine.current;
  const options = { lane: 'observe' as const, tenantId, deadlineMs: bounds.deadlineMs };
  const { revision } = await engine.store.read([{ kind: 'key', key: keys.tenant(tenantId) }], options);
  if (!(await view.reaches(revision, CATCH_UP_MS))) {
    throw new IncumbentError(
      'store.unavailable',
      'This replica cannot tell at the moment who leads. Try again.',
      {
        executed: false,
        retryAfterMs: 1_000,
      },
    );
  }
  let leaders = 0;
  for (const { ref, seats } of view.elections.values()) {
    if (ref.tenantId !== tenantId) continue;
    for (const seat of seats.values()) if (seat.leader) leaders += 1;
  }
  return leaders;
}
