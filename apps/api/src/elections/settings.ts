import { IncumbentError } from '#core';
import type { ElectionSettings, ElectionView } from '#election';
import type { z } from 'zod';
import { DEFAULT_GRACE_MS, type newElection } from './settings.schema.js';

const DEFAULT_TTL_MS = 10_000;
const DEFAULT_MAX_TTL_MS = 60_000;

/**
 * The settings of a new election. What contradicts what the engine says.
 * @throws IncumbentError request.invalid_body
 */
export function settingsOf({ name: _name, ...wanted }: z.output<typeof newElection>): ElectionSettings {
  const { ttlMs = DEFAULT_TTL_MS, policy = 'fifo', graceMs = DEFAULT_GRACE_MS } = wanted;
  const maxTtlMs = wanted.maxTtlMs ?? Math.max(ttlMs, DEFAULT_MAX_TTL_MS);
  if (maxTtlMs < ttlMs) {
    throw new IncumbentError('request.invalid_body', 'maxTtlMs must be at least ttlMs.', {
      errors: [
        { pointer: '/maxTtlMs', code: 'too_small', message: `Must be at least ttlMs, which is ${ttlMs}.` },
      ],
    });
  }
  return { ...wanted, policy, ttlMs, maxTtlMs, graceMs };
}

/** Every setting, those that were never given with what they are then. */
export function allSettings(given: ElectionSettings): Required<Omit<ElectionSettings, 'description'>> {
  const { policy, ttlMs, maxTtlMs, seats = 1, preemption = false } = given;
  const { maxTermMs = 0, minTermMs = 0, graceMs = DEFAULT_GRACE_MS, takeoverDelayMs = 0 } = given;
  const { shortTermMs = 0, backoffMs = 0, quarantineAfter = 0, healthFloor = 0 } = given;
  return {
    ...{ policy, ttlMs, maxTtlMs, seats, preemption },
    ...{ maxTermMs, minTermMs, graceMs, takeoverDelayMs },
    ...{ shortTermMs, backoffMs, quarantineAfter, healthFloor },
  };
}

/** What the managed copy keeps. */
export function copyOf({ description, pinned, ...settings }: ElectionSettings & { pinned?: string }): object {
  return { description, ...allSettings(settings), pinned };
}

export function showElection(view: ElectionView) {
  const { electionId: id, name, description, state, pinned, maxCandidates, createdAt, updatedAt } = view;
  return {
    ...{ id, name, description, state },
    ...allSettings(view),
    ...{ pinned, maxCandidates, createdAt, updatedAt },
  };
}
