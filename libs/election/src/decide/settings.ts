import { IncumbentError } from '#core';
import type { ConfigRecord } from '../records.js';
import { unknownElection } from '../refusals.js';
import type { ChangeCommand, CreateCommand, Decider, RemoveCommand, Verdict } from './commands.js';
import type { Draft } from './draft.js';
import { bringInLine } from './settle.js';

/**
 * Create an election, or open a deleted one again: the term key of the name is still there, so its fence goes on
 * above every earlier one (S2).
 */
export const create: Decider<CreateCommand> = (draft, command) => {
  const { config } = draft;
  const { changeId, name, settings, maxCandidates } = command;
  if (config?.changeId === changeId) return settled(config);
  if (config?.state === 'closing') {
    const detail =
      'It is being deleted: its last leader may still hold a grant. Try again when that is over.';
    return {
      kind: 'refused',
      error: new IncumbentError('election.closing', detail, { retryAfterMs: 1_000 }),
    };
  }
  if (config && config.state !== 'closed') {
    const detail = `"${name}" exists already; read it with GET, change it with PATCH.`;
    return { kind: 'refused', error: new IncumbentError('election.name_taken', detail) };
  }
  const { at } = draft;
  const leastMs = draft.situation.tenant?.record.minTtlMs ?? 0;
  if (settings.ttlMs < leastMs) return { kind: 'refused', error: ttlTooSmall(leastMs) };
  const made: ConfigRecord = {
    ...settings,
    name,
    state: 'open',
    maxCandidates,
    createdAt: at,
    updatedAt: at,
    changeId,
  };
  draft.setConfig(made);
  draft.record(command.act, { settings });
  return settled(made);
};

/** Change the settings, pause or open. Pausing marks the leader in the same transition; opening fills the seat. */
export const change: Decider<ChangeCommand> = (draft, command) => {
  const { config } = draft;
  if (!config || config.state === 'closing' || config.state === 'closed') return notFound();
  if (config.changeId === command.changeId) return settled(config);
  const mismatch = checkVersion(draft, command.version);
  if (mismatch) return mismatch;
  const changed: ConfigRecord = {
    ...config,
    ...command.settings,
    ...(command.state && { state: command.state }),
    updatedAt: draft.at,
    changeId: command.changeId,
  };
  const leastMs = draft.situation.tenant?.record.minTtlMs ?? 0;
  if (changed.ttlMs < Math.min(leastMs, config.ttlMs))
    return { kind: 'refused', error: ttlTooSmall(leastMs) };
  if (changed.ttlMs > changed.maxTtlMs) return { kind: 'refused', error: ttlAboveMax(changed) };
  draft.setConfig(changed);
  draft.record(command.act, { changed: differences(config, changed) });
  draft.onBehalfOf(command.act.actor, () => bringInLine(draft));
  return settled(changed);
};

/** Delete: grants nothing any more, and is closed once the leader's grants are over. */
export const remove: Decider<RemoveCommand> = (draft, command) => {
  const { config } = draft;
  if (config?.changeId === command.changeId) return settled(config);
  if (!config || config.state === 'closed') return notFound();
  if (config.state === 'closing') return settled(config);
  const mismatch = checkVersion(draft, command.version);
  if (mismatch) return mismatch;
  draft.setConfig({ ...config, state: 'closing', updatedAt: draft.at, changeId: command.changeId });
  draft.record(command.act);
  draft.onBehalfOf(command.act.actor, () => bringInLine(draft));
  return settled(draft.config ?? config);
};

/** The election does not exist, as far as its tenant can tell. */
export function notFound(): Verdict {
  return { kind: 'refused', error: unknownElection() };
}

/** The tenant's smallest ttlMs; what is smaller already, from before the quota, may stay as it is. */
export function ttlTooSmall(leastMs: number): IncumbentError {
  return new IncumbentError(
    'limit.quota_exceeded',
    `Use a ttlMs of at least ${leastMs} (minTtlMs), or ask the operator for a smaller minimum.`,
    { limit: { name: 'minTtlMs', value: leastMs }, executed: false },
  );
}

function settled(config: ConfigRecord): Verdict {
  return { kind: 'done', done: { kind: 'settings', config } };
}

/** What is on record of a change: every setting that is another now, with both values. */
function differences(before: ConfigRecord, after: ConfigRecord): Record<string, unknown> {
  const fields = ['state', 'description', 'policy', 'ttlMs', 'maxTtlMs'] as const;
  return Object.fromEntries(
    fields
      .filter((field) => before[field] !== after[field])
      .map((field) => [field, { from: before[field] ?? null, to: after[field] ?? null }]),
  );
}

function checkVersion(draft: Draft, version: string | undefined): Verdict | undefined {
  const current = String(draft.situation.election.config?.modRevision);
  if (version === undefined || version === current) return undefined;
  const detail = 'Read the election again, apply your change to what you find, and send its new ETag.';
  return { kind: 'refused', error: new IncumbentError('request.precondition_failed', detail) };
}

function ttlAboveMax(config: ConfigRecord): IncumbentError {
  const message = `must be at most maxTtlMs (${config.maxTtlMs})`;
  return new IncumbentError('request.invalid_body', `ttlMs ${message}.`, {
    errors: [{ pointer: '/ttlMs', code: 'too_big', message }],
  });
}
