import { isDeepStrictEqual } from 'node:util';
import { type Clock, toTimestamp } from './clock.js';
import { newId } from './ids.js';

/** Who did something. `system` is the service itself: an expiry, a retention job. */
export interface Actor {
  type: 'api_key' | 'admin_token' | 'participant' | 'system';
  /** A key id, an admin token's id, a candidateId, or the name of a part of the service. */
  id: string;
  /** As people know it, where it has a name. */
  name?: string;
}

/** What was done to. */
export interface ActTarget {
  type: 'tenant' | 'api_key' | 'election' | 'webhook_endpoint' | 'signing_key' | 'admin_token' | 'audit_log';
  id: string;
  name?: string;
}

/** Where a call came from. */
export interface ActContext {
  requestId?: string;
  ip?: string;
  userAgent?: string;
}

/**
 * Something that was done and has to be on record: by whom, to what, from where. It is written in the same
 * transaction as its effect, be that in Postgres or in the coordination store.
 */
export interface Act {
  /** `aud_...`; whoever writes an act down twice finds it there already. */
  id: string;
  /** Null for what concerns the platform and no tenant. */
  tenantId: string | null;
  /** `noun.verb_in_past`, such as `election.deleted`. */
  action: string;
  actor: Actor;
  targets: ActTarget[];
  context: ActContext;
  /** What changed, as far as it may be told: never a secret. */
  metadata?: Record<string, unknown>;
  /** RFC 3339; for people. Order is the order of the record. */
  occurredAt: string;
}

/** Who calls and from where: what a call contributes to every act that follows from it. */
export interface Caused {
  actor: Actor;
  context: ActContext;
}

/** What a call did, to be put on record. */
export function newAct(
  caused: Caused,
  done: Pick<Act, 'tenantId' | 'action' | 'targets' | 'metadata'>,
  clock: Clock,
): Act {
  const { actor, context } = caused;
  return { id: newId('aud'), ...done, actor, context, occurredAt: toTimestamp(clock.wallTimeMs()) };
}

/** The fields that differ, each as `{from, to}`; for the record of a change. A field that is absent is null. */
export function changesBetween(
  before: object,
  after: object,
): Record<string, { from: unknown; to: unknown }> {
  const from = new Map<string, unknown>(Object.entries(before));
  const to = new Map<string, unknown>(Object.entries(after));
  const names = new Set([...from.keys(), ...to.keys()]);
  return Object.fromEntries(
    [...names]
      .filter((name) => !isDeepStrictEqual(from.get(name) ?? null, to.get(name) ?? null))
      .map((name) => [name, { from: from.get(name) ?? null, to: to.get(name) ?? null }]),
  );
}
