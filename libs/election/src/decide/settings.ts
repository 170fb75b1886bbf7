import { IncumbentError } from '#core';
import type { ConfigRecord } from '../records.js';
import { contradictions } from '../settings-rules.js';
import type { ChangeCommand, CreateCommand, Decider, RemoveCommand, Verdict } from './commands.js';
import type { Draft } from './draft.js';
import { invalid, notFound, refused, ttlTooSmall } from './refusals.js';
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
  const errors = contradictions(settings);
  if (errors.length > 0) return invalid(errors);
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
    ...(command.pinned && { pinned: command.pinned }),
    updatedAt: draft.at,
    changeId: command.changeId,
  };
  const leastMs = draft.situation.tenant?.record.minTtlMs ?? 0;
  if (changed.ttlMs < Math.min(leastMs, config.ttlMs))
    return { kind: 'refused', error: ttlTooSmall(leastMs) };
  if (command.pinned === null) delete changed.pinned;
  const errors = contradictions(changed);
  if (errors.length > 0) return invalid(errors);
  const refusal = checkPinned(draft, command) ?? checkSeats(draft, changed, command);
  if (refusal) return refusal;
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

function settled(config: ConfigRecord): Verdict {
  return { kind: 'done', done: { kind: 'settings', config } };
}

/** Fields of the record that no operator sets. */
const BOOKKEEPING: ReadonlySet<string> = new Set(['changeId', 'createdAt', 'updatedAt']);

/** What is on record of a change: every setting that is another now, with both values. */
function differences(before: ConfigRecord, after: ConfigRecord): Record<string, unknown> {
  const was: Record<string, unknown> = { ...before };
  const is: Record<string, unknown> = { ...after };
  const fields = new Set(
    [...Object.keys(was), ...Object.keys(is)].filter((field) => !BOOKKEEPING.has(field)),
  );
  return Object.fromEntries(
    [...fields]
      .filter((field) => was[field] !== is[field])
      .map((field) => [field, { from: was[field] ?? null, to: is[field] ?? null }]),
  );
}

function checkVersion(draft: Draft, version: string | undefined): Verdict | undefined {
  const current = String(draft.situation.election.config?.modRevision);
  if (version === undefined || version === current) return undefined;
  const detail = 'Read the election again, apply your change to what you find, and send its new ETag.';
  return { kind: 'refused', error: new IncumbentError('request.precondition_failed', detail) };
}

function checkPinned(draft: Draft, { pinned }: ChangeCommand): Verdict | undefined {
  if (pinned === undefined || pinned === null) return undefined;
  const candidacy = draft.candidacyOfName(pinned);
  if (candidacy && draft.seemsAlive(candidacy)) return undefined;
  const detail = `"${pinned}" does not stand here; pin one of GET .../candidates.`;
  return refused('candidate.not_found', detail);
}

/** Leaders of seats that are to go forbid the change, unless it says that they are to step down. */
function checkSeats(draft: Draft, { seats = 1 }: ConfigRecord, command: ChangeCommand): Verdict | undefined {
  if (command.retireSeats) return undefined;
  const led = [...draft.seats()].filter((seat) => seat >= seats && draft.leader(seat));
  if (led.length === 0) return undefined;
  const detail =
    `Seats ${led.join(', ')} are led. Send retireSeats: true to have their leaders step down, ` +
    'or wait until they are vacant.';
  return refused('election.seats_in_use', detail);
}
